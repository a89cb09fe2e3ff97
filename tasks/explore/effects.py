"""How strongly a number goes with a class: the area under the ROC curve of "this class against the rest".

0.5 means that the number says nothing about the class; 1 (or 0) that every image of the class has a larger (smaller)
value than every other image. Cliff's delta is ``2 * auc - 1``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.statistics.auc import auc_interval, auc_of_ranks, ranks
from tasks.statistics.groups import groups_by_class, groups_of_the_rest
from tasks.statistics.interval import CONFIDENCE

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
        auc = auc_of_ranks(rank, inside)
        low, high = auc_interval(auc, n_inside, n_outside)
        together = auc_interval(auc, n_inside, n_outside, 1 - (1 - CONFIDENCE) / comparisons)
        found[label] = Effect(auc, low, high, CONSTANT if constant else _strength(*together))
    return found


def count_groups(labels: np.ndarray, groups: np.ndarray) -> dict[str, tuple[int, int]]:
    """For each class the number of groups that hold an image of it, and of those that hold one of another class."""
    classes, label_of = np.unique(labels.astype(str), return_inverse=True)
    group_of = np.unique(groups.astype(str), return_inverse=True)[1]
    inside = groups_by_class(label_of, group_of, len(classes))
    outside = groups_of_the_rest(label_of, group_of, len(classes))
    return {str(label): (int(inside[row]), int(outside[row])) for row, label in enumerate(classes)}


def _strength(low: float, high: float) -> str:
    deltas = (2 * low - 1, 2 * high - 1)
    smallest = BOUNDS[-1][0]
    if max(map(abs, deltas)) < smallest:
        return NEGLIGIBLE
    nearest = 0.0 if deltas[0] < 0 < deltas[1] else min(map(abs, deltas))
    return next((name for bound, name in BOUNDS if nearest >= bound), UNCLEAR)
