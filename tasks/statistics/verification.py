"""How well a similarity tells pairs of images of one class from pairs of two: error rates, a threshold, an interval.

Two images are called the same from a threshold on. Of the pairs of two classes some are then called the same (false
accepts), of those of one class some are not (false rejects). Every class counts alike: a pair weighs the inverse of how
many images its two classes have. Relatives make no pair. Intervals are those of shares, with as many trials as draws of
whole groups show (`tasks.statistics.shares`).

References
----------
Mansfield and Wayman, Best practices in testing and reporting performance of biometric devices, NPL report CMSC 14/02,
2002, for the rates; Bolle, Ratha and Pankanti, Error analysis of pattern recognition systems: the subsets bootstrap,
Computer Vision and Image Understanding 93, 2004, for drawing groups where pairs share images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.statistics.bootstrap import drawn_groups
from tasks.statistics.interval import Interval
from tasks.statistics.shares import clustered_wilson, kish

BINS = 2000  # of similarities from -1 to 1, whose borders thresholds are taken from
DRAWS = 200


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Images that one model has not seen, n of them.

    Attributes
    ----------
    similarities
        Shape (n, n), -1 to 1, symmetric.
    labels, groups
        Shape (n,), integers from 0, the same codes for all models.
    """

    similarities: NDArray[np.float64]
    labels: NDArray[np.int64]
    groups: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Rates:
    """Error rates at every border of the bins.

    Attributes
    ----------
    called
        Shape (B, F, 2, BINS + 1): by draw, model and kind of pair (0: of two classes, 1: of one) the weight that is
        called the same from each border on. The first draw is the data as they are. From 1 on nothing is the same.
    trials
        The fewest and the most independent images that may stand behind a rate.
    """

    called: NDArray[np.float64]
    trials: tuple[float, float]

    @classmethod
    def of(cls, models: Sequence[HeldOut]) -> Rates:
        """The rates of several models, each on images of its own."""
        groups = np.concatenate([one.groups for one in models])
        times = np.vstack([np.ones(groups.max() + 1), drawn_groups(int(groups.max()) + 1, DRAWS)])
        binned = np.stack([_binned(one, times) for one in models], axis=1)
        summed = np.cumsum(binned[..., ::-1], axis=-1)[..., ::-1]
        called = np.concatenate([summed, np.zeros((*summed.shape[:-1], 1))], axis=-1)
        return cls(called, (kish(np.bincount(groups)), float(len(groups))))

    @property
    def can_be_told(self) -> bool:
        """Whether there are pairs of both kinds without any one of the models, of which there are several."""
        total = self.called[0, :, :, 0]
        return len(total) > 1 and bool(((total.sum(axis=0) - total) > 0).all())

    def errors(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """False accepts and false rejects at every border, each of shape (B, BINS + 1)."""
        return _errors(self.called.sum(axis=1))

    def threshold(self, most: float) -> float:
        """The lowest similarity from which at most the share `most` of pairs of two classes is called the same."""
        return float(borders()[_first(self.errors()[0][:1], most)[0]])

    def cross_fitted(self, most: float) -> tuple[Interval, Interval]:
        """False accepts and false rejects, where each model's pairs are judged by a threshold of the others' pairs."""
        total = self.called.sum(axis=1)
        found = np.zeros((len(total), 2))
        for number in range(self.called.shape[1]):
            own = self.called[:, number]
            chosen = _first(_errors(total - own)[0], most)
            found += np.take_along_axis(own, chosen[:, None, None], axis=2)[..., 0]
        with np.errstate(invalid="ignore"):
            accepted, kept = (found / total[..., 0]).T
        return self._interval(accepted), self._interval(1 - kept)

    def equal_error(self) -> Interval:
        """The rate at which false accepts and false rejects are the same."""
        accepts, rejects = self.errors()
        at = np.abs(accepts - rejects).argmin(axis=1)[:, None]
        both = (np.take_along_axis(accepts, at, axis=1) + np.take_along_axis(rejects, at, axis=1)) / 2
        return self._interval(both[:, 0])

    def area(self) -> Interval:
        """The chance that a pair of one class is more similar than one of two classes, ties counting half."""
        two, one = self.called[:, :, 0], self.called[:, :, 1]
        own = one[..., :-1] - one[..., 1:]
        below = two[..., :1] - (two[..., :-1] + two[..., 1:]) / 2
        with np.errstate(invalid="ignore"):
            areas = (own * below).sum(axis=(1, 2)) / (one[..., 0] * two[..., 0]).sum(axis=1)
        return self._interval(areas)

    def _interval(self, shares: NDArray[np.float64]) -> Interval:
        """Of a share on the data and on every draw, shape (B,); Wilson's, so that it is no point at 0."""
        least, most = (np.array([one]) for one in self.trials)
        low, high = clustered_wilson(shares[:1], shares[None, 1:], least, most)
        return Interval(float(shares[0]), float(low[0]), float(high[0]))


def borders() -> NDArray[np.float64]:
    """The borders of the bins, shape (BINS + 1,), from -1 to 1."""
    return -1 + 2 * np.arange(BINS + 1) / BINS


def _binned(one: HeldOut, times: NDArray[np.float64]) -> NDArray[np.float64]:
    """The weight of the pairs of two classes and of one in each bin, shape (B, 2, BINS), under each draw of groups."""
    first, second = np.triu_indices(len(one.labels), 1)
    strangers = one.groups[first] != one.groups[second]
    first, second = first[strangers], second[strangers]
    place = np.searchsorted(borders(), one.similarities[first, second], side="right") - 1
    place = np.clip(place, 0, BINS - 1) + BINS * (one.labels[first] == one.labels[second])
    each = 1 / np.bincount(one.labels)[one.labels]
    weights = times[:, one.groups] * each
    found = np.empty((len(times), 2, BINS))
    for into, own in zip(found, weights, strict=True):
        into[:] = np.bincount(place, own[first] * own[second], 2 * BINS).reshape(2, BINS)
    return found


def _errors(called: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The rates of what is called the same, shape (B, 2, BINS + 1); NaN in draws without pairs of a kind."""
    with np.errstate(invalid="ignore"):
        shares = called / called[..., :1]
    return shares[:, 0], 1 - shares[:, 1]


def _first(accepts: NDArray[np.float64], most: float) -> NDArray[np.int64]:
    """The first border with at most so many false accepts, shape (B,); the first of all where that can't be told."""
    places: NDArray[np.int64] = (accepts <= most).argmax(axis=1)
    return places
