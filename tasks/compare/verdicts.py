"""From an interval to a verdict, and from verdicts to a recommendation.

The rules, in this order:

1. ``no difference``: the whole interval lies within the margin. Also where it excludes 0: a gain that is certain but
   smaller than what matters is no reason to leave the simpler baseline.
2. ``helps``: the interval lies above 0.
3. ``hurts``: the interval lies below 0.
4. ``unclear``: anything else. The data can't tell; more images of the rare classes would.
"""

from __future__ import annotations

from collections.abc import Mapping

from tasks.evaluate.intervals import Interval

BASELINE = "baseline"
HELPS = "helps"
NO_DIFFERENCE = "no difference"
UNCLEAR = "unclear"
HURTS = "hurts"


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


def recommend(verdicts: Mapping[str, str], values: Mapping[str, float], baseline: str) -> str:
    """The strategy of the largest value among those that help (the first by name of equals), else the baseline."""
    helpful = sorted(name for name, judged in verdicts.items() if judged == HELPS)
    return max(helpful, key=values.__getitem__, default=baseline)
