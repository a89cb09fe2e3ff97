"""From an interval to a verdict.

The rules, in this order:

1. ``no difference``: the whole interval lies within the margin. Also where it excludes 0: a gain that is certain but
   smaller than what matters is no reason to leave the simpler baseline.
2. ``helps``: it is proved to be above 0, by a stepwise test of all strategies (`tasks.statistics.stepwise`).
3. ``hurts``: it is proved to be below 0.
4. ``unclear``: anything else. The data can't tell; more images of the rare classes would.

A strategy whose audit found that traces of augmentation move its predictions is ``held back``, whatever the intervals
say: part of what they show may be the shortcut, which new images don't offer (see `tasks.audit`).

Verdicts rest on the classes that can be measured, those of `FEWEST_GROUPS` groups and more. Where no two can, every
other verdict is ``unclear``.
"""

from __future__ import annotations

from tasks.compare.changes import Change

BASELINE = "baseline"
HELPS = "helps"
NO_DIFFERENCE = "no difference"
UNCLEAR = "unclear"
HURTS = "hurts"
HELD_BACK = "held back"


def verdict(change: Change, margin: float, confidence: float) -> str:
    """Judge a difference to the baseline.

    Parameters
    ----------
    change
        Strategy minus baseline; larger is better.
    margin
        Differences no larger than this don't matter.
    confidence
        Level of all verdicts together.
    """
    if -margin <= change.low and change.high <= margin:
        return NO_DIFFERENCE
    if change.is_proved(confidence):
        return HELPS if change.value > 0 else HURTS
    return UNCLEAR
