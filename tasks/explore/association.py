"""How well one property alone predicts the label, and how often chance does as well.

A property is cut into bins; everything after that works on tables of counts, so that hundreds of shufflings of the
labels take seconds for ten thousand images and a hundred classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tasks.explore.binning import Binned


def cross_validated_hits(table: np.ndarray) -> np.ndarray:
    """How many images of each class one property finds, each from the images outside of its fold.

    The answer for a bin is the class most of whose images lie in it, by share and with a count of one added to every
    bin: naive Bayes with equal classes.

    Parameters
    ----------
    table
        Images by fold, bin and class, shape (folds, bins, K).

    Returns
    -------
    numpy.ndarray
        Shape (K,).
    """
    outside = table.sum(axis=0) - table
    shares = (outside + 1) / (outside.sum(axis=1, keepdims=True) + table.shape[1])
    answers = shares.argmax(axis=2)
    hits = np.take_along_axis(table, answers[..., None], axis=2)[..., 0]
    return np.bincount(answers.ravel(), hits.ravel(), minlength=table.shape[2])


def balanced_accuracy(table: np.ndarray) -> float:
    """The cross-validated balanced accuracy of one property; `table` as for `cross_validated_hits`."""
    counts = table.sum(axis=(0, 1))
    return float((cross_validated_hits(table) / np.maximum(counts, 1))[counts > 0].mean())


def cramers_v(table: np.ndarray) -> float:
    """Cramer's V of bins and classes, corrected for the bias of small samples (Bergsma 2013); from 0 to 1."""
    counts = table.sum(axis=0)
    counts = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    n, (rows, columns) = counts.sum(), counts.shape
    if min(rows, columns) < 2 or n < 2:
        return 0.0
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / n
    phi = ((counts - expected) ** 2 / expected).sum() / n
    excess = max(0.0, phi - (rows - 1) * (columns - 1) / (n - 1))
    least = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1
    return float(min(1.0, np.sqrt(excess / least))) if least > 0 else 0.0


def fold_table(codes: np.ndarray, bins: int, labels: np.ndarray, classes: int, folds: np.ndarray) -> np.ndarray:
    """Images by fold, bin and class, shape (folds, bins, K)."""
    number = int(folds.max(initial=0)) + 1
    flat = np.bincount((folds * bins + codes) * classes + labels, minlength=number * bins * classes)
    return flat.reshape(number, bins, classes)


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
    """A statistic of one property, and how often chance does as well.

    Attributes
    ----------
    value
        As observed.
    by_chance
        Its mean over the shufflings.
    p_value
        Share of shufflings, the observed labels among them, that do as well.
    p_adjusted
        The same for the best of all properties: below 0.05 by chance for one dataset in twenty, however many
        properties are looked at.
    """

    value: float
    by_chance: float
    p_value: float
    p_adjusted: float


def permutation_test(
    columns: Sequence[Binned],
    statistic: Callable[[np.ndarray], float],
    *,
    labels: np.ndarray,
    classes: int,
    groups: np.ndarray,
    folds: np.ndarray,
    permutations: int,
    seed: int,
) -> list[Tested]:
    """Test each property against labels that were shuffled between groups of relatives.

    All properties see the same shufflings, and are adjusted for their number by the largest of their standardised
    statistics (Westfall and Young 1993): unlike Holm's method this takes no more shufflings for more properties.

    Parameters
    ----------
    statistic
        Of a table by fold, bin and class; larger is a stronger relation.
    """
    generator = np.random.default_rng(seed)
    shuffle = GroupShuffle(labels, groups, folds)
    found = np.empty((1 + permutations, len(columns)))
    for row in range(1 + permutations):
        drawn = labels if row == 0 else shuffle.draw(generator)
        for at, column in enumerate(columns):
            found[row, at] = statistic(fold_table(column.codes, column.bins, drawn, classes, folds))
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
        for at in range(len(columns))
    ]
