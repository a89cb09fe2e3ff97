"""How far the rows of a class lie from each other, beside how far those of all other classes do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.statistics.bootstrap import drawn_groups, percentiles
from tasks.statistics.groups import FEWEST_GROUPS, groups_by_class
from tasks.statistics.interval import CONFIDENCE

DRAWS = 400


@dataclass(frozen=True)
class Spread:
    """How far the images of a class lie from each other.

    Attributes
    ----------
    images
        How many there are.
    spread
        Root mean squared distance from their mean.
    ratio, low, high
        That over the same of all other classes' images, with its interval; None where there are too few groups of
        relatives, no other images, or no spread to compare with.
    """

    images: int
    spread: float
    ratio: float | None
    low: float | None
    high: float | None


def spreads(vectors: np.ndarray, labels: np.ndarray, groups: np.ndarray, seed: int = 0) -> dict[str, Spread]:
    """How far each class spreads, and how that compares with the rest.

    Parameters
    ----------
    vectors
        Shape (n, d).
    labels
        Shape (n,), the classes.
    groups
        Shape (n,): relatives share a group. The interval is a percentile bootstrap over groups.
    seed
        Of the bootstrap.
    """
    classes, label_of = np.unique(labels.astype(str), return_inverse=True)
    names, group_of = np.unique(groups.astype(str), return_inverse=True)
    centred = vectors - vectors.mean(axis=0)  # keeps the sums of squares small beside what they differ by
    moments = np.column_stack([np.ones(len(vectors)), centred, (centred**2).sum(axis=1)])

    def deviations(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Spread of each class and of its rest, each group counted `weights` times."""
        weighted = moments * weights[group_of, None]
        sums = np.column_stack([np.bincount(label_of, column, len(classes)) for column in weighted.T])
        return _deviation(sums), _deviation(sums.sum(axis=0) - sums)

    inside, outside = deviations(np.ones(len(names)))
    drawn = [_ratio(*deviations(weights)) for weights in drawn_groups(len(names), DRAWS, seed)]
    ratio = _ratio(inside, outside)
    n_groups = groups_by_class(label_of, group_of, len(classes))
    told = (n_groups >= FEWEST_GROUPS) & (len(names) - n_groups >= FEWEST_GROUPS) & np.isfinite(ratio)
    low, high = np.full((2, len(classes)), np.nan)
    if told.any():
        low[told], high[told] = percentiles(np.array(drawn)[:, told].T, CONFIDENCE)
    found = {}
    for row, label in enumerate(classes):
        ends = (float(ratio[row]), float(low[row]), float(high[row])) if told[row] else (None, None, None)
        found[str(label)] = Spread(int((label_of == row).sum()), float(inside[row]), *ends)
    return found


def _deviation(sums: np.ndarray) -> np.ndarray:
    """Root mean squared distance from the mean, of sums of ones, of values and of squares; nan without rows."""
    with np.errstate(invalid="ignore", divide="ignore"):
        means = sums / sums[:, :1]
        return np.asarray(np.sqrt(np.maximum(means[:, -1] - (means[:, 1:-1] ** 2).sum(axis=1), 0)))


def _ratio(inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(outside > 1e-9, inside / outside, np.nan)
