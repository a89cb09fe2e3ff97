"""Permutation tests: how often a statistic of the labels would be as large if the labels meant nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np


class GroupShuffle:
    """Shuffles labels between the groups of a fold: what relatives share and the stratification survive.

    Each group takes over the labels of another group of its fold, in the order of its images, cut off or repeated where
    the two are of different size.

    Parameters
    ----------
    labels, groups, folds
        Shape (n,), integers from 0; relatives share a fold.
    """

    def __init__(self, labels: np.ndarray, groups: np.ndarray, folds: np.ndarray) -> None:
        order = np.argsort(groups, kind="stable")
        _, self._first, self._group, self._size = np.unique(
            groups[order], return_index=True, return_inverse=True, return_counts=True
        )
        self._sorted_labels = labels[order]
        self._back = np.argsort(order, kind="stable")
        self._within = np.arange(len(labels)) - self._first[self._group]
        fold_of = folds[order][self._first]
        self._folds = [np.flatnonzero(fold_of == fold) for fold in np.unique(fold_of)]

    def draw(self, generator: np.random.Generator) -> np.ndarray:
        """Shuffled labels, shape (n,)."""
        donor = np.arange(len(self._first))
        for members in self._folds:
            donor[members] = generator.permutation(members)
        chosen = donor[self._group]
        return self._sorted_labels[self._first[chosen] + self._within % self._size[chosen]][self._back]


@dataclass(frozen=True)
class Tested:
    """A statistic, and how often chance does as well.

    Attributes
    ----------
    value
        As observed.
    by_chance
        Its mean over the shufflings.
    p_value
        Share of shufflings, the observed labels among them, that do as well.
    p_adjusted
        The same for the best of all statistics: below 0.05 by chance for one dataset in twenty, however many are
        looked at.
    """

    value: float
    by_chance: float
    p_value: float
    p_adjusted: float


def permutation_test(
    statistics: Callable[[np.ndarray], Sequence[float]],
    labels: np.ndarray,
    groups: np.ndarray,
    folds: np.ndarray,
    *,
    permutations: int,
    seed: int,
) -> list[Tested]:
    """Test statistics against labels that were shuffled between groups of relatives.

    All see the same shufflings, and are adjusted for their number by the largest of them when standardised: unlike
    Holm's method this takes no more shufflings for more statistics.

    Parameters
    ----------
    statistics
        Gives m of them from labels of shape (n,), the given or shuffled ones; larger is a stronger relation.
    labels, groups, folds
        Shape (n,), integers from 0; relatives share a fold.
    permutations
        Number of shufflings.
    seed
        Of the shufflings.

    References
    ----------
    Westfall and Young, Resampling-Based Multiple Testing, 1993.
    """
    generator = np.random.default_rng(seed)
    shuffle = GroupShuffle(labels, groups, folds)
    drawn = (labels if row == 0 else shuffle.draw(generator) for row in range(1 + permutations))
    found = np.array([statistics(one) for one in drawn], dtype=np.float64)
    deviation = found.std(axis=0)
    standardised = (found - found.mean(axis=0)) / np.where(deviation > 0, deviation, 1)
    largest = standardised.max(axis=1, initial=-np.inf)
    close = 1e-12
    return [
        Tested(
            value=float(found[0, at]),
            by_chance=float(found[1:, at].mean()),
            p_value=float((found[:, at] >= found[0, at] - close).mean()),
            p_adjusted=float((largest >= standardised[0, at] - close).mean()),
        )
        for at in range(found.shape[1])
    ]
