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
        From the end that lies nearer to 0.5 of an interval that allows for all comparisons made at once; "negligible"
        if that whole interval is, "unclear" if it holds both negligible and larger values, "constant" if all values
        are the same.
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
    sizes = count_groups(np.where(inside, "inside", "outside"), groups)
    return effects_by_class(values, np.where(inside, "inside", "outside"), sizes)["inside"]


def effects_by_class(
    values: np.ndarray, labels: np.ndarray, sizes: dict[str, tuple[int, int]], comparisons: int = 1
) -> dict[str, Effect]:
    """How strongly `values` tell each class from the rest.

    Parameters
    ----------
    values
        Shape (n,), finite.
    labels
        Shape (n,), the classes.
    sizes
        What `count_groups` says of these labels.
    comparisons
        How many effects are looked at together: a strength is that of an interval that is right for all of them at
        once in 95% of cases (Bonferroni).
    """
    rank = ranks(values)
    constant = bool(np.ptp(values) == 0)
    found = {}
    for label, (n_inside, n_outside) in sizes.items():
        inside = labels == label
        if inside.all():
            found[label] = Effect(0.5, 0.0, 1.0, UNCLEAR)
            continue
        auc = _area(rank, inside)
        low, high = area_interval(auc, n_inside, n_outside)
        together = area_interval(auc, n_inside, n_outside, 1 - (1 - CONFIDENCE) / comparisons)
        found[label] = Effect(auc, low, high, CONSTANT if constant else _strength(*together))
    return found


def count_groups(labels: np.ndarray, groups: np.ndarray) -> dict[str, tuple[int, int]]:
    """For each class the number of groups that hold an image of it, and of those that hold one of another class."""
    classes, label_of = np.unique(labels.astype(str), return_inverse=True)
    names, group_of = np.unique(groups.astype(str), return_inverse=True)
    pairs = np.unique(group_of * len(classes) + label_of)  # each group once for each of its classes
    n_classes = np.bincount(pairs // len(classes), minlength=len(names))
    inside = np.bincount(pairs % len(classes), minlength=len(classes))
    alone = np.bincount(pairs % len(classes), weights=n_classes[pairs // len(classes)] == 1, minlength=len(classes))
    return {str(label): (int(inside[row]), len(names) - int(alone[row])) for row, label in enumerate(classes)}


def area_under_curve(values: np.ndarray, inside: np.ndarray) -> float:
    """P(value inside > value outside) + P(equal) / 2, over all pairs (Mann-Whitney)."""
    return _area(ranks(values), inside)


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1; ties share the mean of their ranks."""
    _, position, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[position])


def _area(rank: np.ndarray, inside: np.ndarray) -> float:
    n_inside = int(inside.sum())
    n_outside = len(rank) - n_inside
    return float((rank[inside].sum() - n_inside * (n_inside + 1) / 2) / (n_inside * n_outside))


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
