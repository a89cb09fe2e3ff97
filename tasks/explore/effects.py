"""How strongly a number goes with a class: the area under the ROC curve of "this class against the rest".

0.5 means that the number says nothing about the class; 1 (or 0) that every image of the class has a larger (smaller)
value than every other image. Cliff's delta is ``2 * auc - 1``.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

CONFIDENCE = 0.95
NEGLIGIBLE, SMALL, MEDIUM, LARGE = "negligible", "small", "medium", "large"
UNCLEAR, CONSTANT = "unclear", "constant"
# Bounds of |Cliff's delta| (Romano et al. 2006); what lies below the first is negligible.
BOUNDS = ((0.474, LARGE), (0.33, MEDIUM), (0.147, SMALL))


@dataclass(frozen=True)
class Effect:
    """An area under the ROC curve with its interval, and how strong that makes the relation at least.

    Attributes
    ----------
    auc, low, high
        In [0, 1].
    strength
        From the end of the interval that lies nearer to 0.5; "negligible" if the whole interval is, "unclear" if the
        interval holds both negligible and larger values, "constant" if all values are the same.
    """

    auc: float
    low: float
    high: float
    strength: str

    @property
    def shown(self) -> bool:
        """Whether the data shows a relation that matters."""
        return self.strength in {SMALL, MEDIUM, LARGE}


def effect(values: np.ndarray, inside: np.ndarray, groups: np.ndarray) -> Effect:
    """How strongly `values` tell the rows `inside` from the rest.

    Parameters
    ----------
    values
        Shape (n,), finite.
    inside
        Shape (n,), bool; without rows on either side nothing can be said.
    groups
        Shape (n,): relatives share a group. The interval counts groups and not images, because relatives repeat each
        other; where relatives differ this makes it wider than it had to be.
    """
    if inside.all() or not inside.any():
        return Effect(0.5, 0.0, 1.0, UNCLEAR)
    auc = area_under_curve(values, inside)
    low, high = area_interval(auc, len(np.unique(groups[inside])), len(np.unique(groups[~inside])))
    return Effect(auc, low, high, CONSTANT if np.ptp(values) == 0 else _strength(low, high))


def area_under_curve(values: np.ndarray, inside: np.ndarray) -> float:
    """P(value inside > value outside) + P(equal) / 2, over all pairs (Mann-Whitney)."""
    _, position, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[position]  # ties share the mean of their ranks
    n_inside = int(inside.sum())
    n_outside = len(values) - n_inside
    return float((ranks[inside].sum() - n_inside * (n_inside + 1) / 2) / (n_inside * n_outside))


def area_interval(auc: float, n_inside: int, n_outside: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The interval of an area under the ROC curve: method 5 of Newcombe, Statistics in Medicine 25 (2006), 559-573.

    Inverts the score test with the variance of Hanley and McNeil, so unlike DeLong's interval it doesn't shrink to a
    point where classes are separated perfectly.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    rows = (n_inside + n_outside) / 2 - 1

    def too_far(theta: float, estimate: float) -> bool:
        spread = 1 + rows * (1 - theta) / (2 - theta) + rows * theta / (1 + theta)
        return (estimate - theta) ** 2 > z**2 * theta * (1 - theta) * spread / (n_inside * n_outside)

    def lower_end(estimate: float) -> float:
        low, high = 0.0, estimate
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if too_far(middle, estimate) else (low, middle)
        return low

    return lower_end(auc), 1 - lower_end(1 - auc)


def _strength(low: float, high: float) -> str:
    deltas = (2 * low - 1, 2 * high - 1)
    smallest = BOUNDS[-1][0]
    if max(map(abs, deltas)) < smallest:
        return NEGLIGIBLE
    nearest = 0.0 if deltas[0] < 0 < deltas[1] else min(map(abs, deltas))
    return next((name for bound, name in BOUNDS if nearest >= bound), UNCLEAR)
