"""From an interval to a verdict.

The rules, in this order:

1. ``no difference``: the whole interval lies within the margin. Also where it excludes 0: a gain that is certain but
   smaller than what matters is no reason to leave the simpler baseline.
2. ``helps``: the interval lies above 0.
3. ``hurts``: the interval lies below 0.
4. ``unclear``: anything else. The data can't tell; more images of the rare classes would.

A strategy whose audit found that traces of augmentation move its predictions is ``held back``, whatever the intervals
say: part of what they show may be the shortcut, which new images don't offer (see `tasks.audit`).

Where a class has fewer groups than `FEWEST_GROUPS`, every other verdict is ``unclear``.
"""

from __future__ import annotations

from tasks.evaluate.scored import Scored
from tasks.statistics.groups import FEWEST_GROUPS
from tasks.statistics.interval import Interval

BASELINE = "baseline"
HELPS = "helps"
NO_DIFFERENCE = "no difference"
UNCLEAR = "unclear"
HURTS = "hurts"
HELD_BACK = "held back"


def verdict(difference: Interval, margin: float) -> str:
    """Judge a difference to the baseline.

    Parameters
    ----------
    difference
        Strategy minus baseline; larger is better.
    margin
        Differences no larger than this don't matter.
    """
    if -margin <= difference.low and difference.high <= margin:
        return NO_DIFFERENCE
    if difference.low > 0:
        return HELPS
    if difference.high < 0:
        return HURTS
    return UNCLEAR


def too_small(scored: Scored) -> str | None:
    """The class of fewest groups if it has fewer than `FEWEST_GROUPS`, so that no verdict can rest on it; else None."""
    groups = scored.group_counts
    return scored.classes[groups.argmin()] if groups.min() < FEWEST_GROUPS else None
