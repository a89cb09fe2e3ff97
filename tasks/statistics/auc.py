"""The area under the ROC curve: how well a score tells some images, the positives, from the rest.

It is the chance that a positive has a higher score than an image of the rest, ties counting half (Mann and Whitney).
0.5 means that the score says nothing. `auc` takes images as they are, `Ranked` weights them in many ways at once, and
`auc_within_folds` has an interval that allows for relatives and for scores of several classifiers.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from tasks.statistics.bootstrap import drawn_groups
from tasks.statistics.interval import CONFIDENCE, Interval
from tasks.statistics.shares import clustered_wilson, kish

DRAWS = 500


def auc(values: np.ndarray, positive: np.ndarray) -> float:
    """The area, for images that all count once.

    Parameters
    ----------
    values, positive
        Shape (n,); some images are positive, and some are not.
    """
    return auc_of_ranks(ranks(values), positive)


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1; ties share the mean of their ranks."""
    _, position, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[position])


def auc_of_ranks(rank: np.ndarray, positive: np.ndarray) -> float:
    """As `auc`, from `ranks` that serve for several sets of positives."""
    n_positive = int(positive.sum())
    n_rest = len(rank) - n_positive
    return float((rank[positive].sum() - n_positive * (n_positive + 1) / 2) / (n_positive * n_rest))


def auc_interval(auc: float, n_positive: int, n_rest: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The interval of an area from the numbers of independent images alone.

    Inverts the score test with the variance of Hanley and McNeil, so unlike DeLong's interval it doesn't shrink to a
    point where classes are separated perfectly.

    Parameters
    ----------
    auc
        The area.
    n_positive, n_rest
        Independent images on either side.
    confidence
        Confidence level in (0, 1).

    References
    ----------
    Newcombe, Confidence intervals for an effect size measure based on the Mann-Whitney statistic, Statistics in
    Medicine 25, 2006, 559-573, method 5.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    rows = (n_positive + n_rest) / 2 - 1

    def too_far(theta: float, estimate: float) -> bool:
        spread = 1 + rows * (1 - theta) / (2 - theta) + rows * theta / (1 + theta)
        return (estimate - theta) ** 2 > z**2 * theta * (1 - theta) * spread / (n_positive * n_rest)

    def lower_end(estimate: float) -> float:
        low, high = 0.0, estimate
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if too_far(middle, estimate) else (low, middle)
        return low

    return lower_end(auc), 1 - lower_end(1 - auc)


@dataclass(frozen=True)
class Passed:
    """The weight passed at each of P positives on the way down a ranking, under b weightings.

    Attributes
    ----------
    own
        Of the positive itself, shape (P, b).
    found
        Of the first 0, 1, ..., P positives, shape (P + 1, b).
    hits, false_alarms
        Of the positives and of the rest up to the end of the positive's ties, shape (P, b).
    false_alarms_before
        Of the rest before those ties, shape (P, b).
    total, rest
        Of all positives, and of all others, shape (b,).
    """

    own: np.ndarray
    found: np.ndarray
    hits: np.ndarray
    false_alarms: np.ndarray
    false_alarms_before: np.ndarray
    total: np.ndarray
    rest: np.ndarray

    @property
    def wins(self) -> np.ndarray:
        """Weight of the pairs of a positive and another image in which the positive is higher, shape (b,)."""
        wins: np.ndarray = (self.own * (self.rest - (self.false_alarms + self.false_alarms_before) / 2)).sum(axis=0)
        return wins

    @property
    def pairs(self) -> np.ndarray:
        """Weight of all such pairs, shape (b,)."""
        pairs: np.ndarray = self.total * self.rest
        return pairs


class Ranked:
    """Images in falling order of a score, once for many weightings.

    All is computed at the positives only, from one running sum of weights over the sorted images, so that many
    weightings cost little more than one. With whole-numbered weights the sums are exact.

    Parameters
    ----------
    score
        Shape (n,): larger means more likely positive.
    positive
        Shape (n,), bool.
    """

    def __init__(self, score: np.ndarray, positive: np.ndarray) -> None:
        self.order = np.argsort(-score, kind="stable")
        falling = -score[self.order]
        places = np.flatnonzero(positive[self.order])
        self.positives = self.order[places]
        # How many images, and how many positives, stand before the ties of each positive and up to their end.
        self.before = np.searchsorted(falling, falling[places], side="left")
        self.through = np.searchsorted(falling, falling[places], side="right")
        self.positives_before = np.searchsorted(places, self.before)
        self.positives_through = np.searchsorted(places, self.through)

    def __call__(self, weights: np.ndarray) -> Passed:
        """What is passed under `weights`, shape (n, b)."""
        passed = _running_sum(weights[self.order])
        own = weights[self.positives]
        found = _running_sum(own)
        total = found[-1].astype(np.float64)
        hits = found[self.positives_through]
        return Passed(
            own=own,
            found=found,
            hits=hits,
            false_alarms=passed[self.through] - hits,
            false_alarms_before=passed[self.before] - found[self.positives_before],
            total=total,
            rest=passed[-1] - total,
        )


def auc_within_folds(
    scores: np.ndarray, positive: np.ndarray, groups: np.ndarray, folds: np.ndarray, confidence: float
) -> Interval:
    """The area over pairs of images of one fold, with an interval in which relatives are drawn together.

    Scores of different folds come from different classifiers, so they are not compared. The interval is Wilson's, with
    the number of independent images that the draws show, so that it does not shrink to a point where all are told
    apart; where they show less variance than chance alone makes, that of chance is taken. The draws don't fit the
    classifiers anew, which other images would have made others. For that the variance of J folds counts 1 + J / (J - 1)
    times (Nadeau and Bengio) where scores say nothing, and less the more they say, since what tells kinds apart clearly
    is found in any images. Without it, intervals of scores that say nothing held .5 in 75 % of trials, not in 95 %.

    Parameters
    ----------
    scores, positive
        Shape (n,).
    groups, folds
        Shape (n,), integers from 0.
    confidence
        Level of the interval.

    References
    ----------
    Forman and Scholz, Apples to apples in cross-validation studies, SIGKDD Explorations 12, 2010; Nadeau and Bengio,
    Inference for the generalization error, Machine Learning 52, 2003.
    """
    drawn = drawn_groups(int(groups.max()) + 1, DRAWS)
    weights = np.vstack([np.ones(len(scores)), drawn[:, groups]]).T
    wins, pairs = np.zeros(weights.shape[1]), np.zeros(weights.shape[1])
    for fold in np.unique(folds):
        own = folds == fold
        passed = Ranked(scores[own], positive[own])(weights[own])
        wins += passed.wins
        pairs += passed.pairs
    areas = np.divide(wins, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)
    number = len(np.unique(folds))
    value = areas[:1]
    unclear = 4 * float(value[0] * (1 - value[0]))  # 1 where scores say nothing, 0 where they tell all apart
    fits = 1 + unclear * number / (number - 1) if number > 1 else 1.0
    draws = value[:, None] + np.sqrt(fits) * (areas[None, 1:] - value)
    least = min(kish(np.bincount(groups)), _trials_by_chance(positive, groups, folds)) / fits
    bounds = np.array([least]), np.array([len(scores) / fits])
    low, high = clustered_wilson(value, draws, *bounds, confidence)
    return Interval(float(value[0]), float(low[0]), float(high[0]))


def _trials_by_chance(positive: np.ndarray, groups: np.ndarray, folds: np.ndarray) -> float:
    """As a share of how many trials the area varies if scores say nothing; groups count as `kish` has it.

    The variance of a fold's area is then (m + n + 1) / (12 m n) (Mann and Whitney, 1947).
    """
    pairs, variance = 0.0, 0.0
    for fold in np.unique(folds):
        of_kinds = [groups[(folds == fold) & (positive == kind)] for kind in (True, False)]
        if all(len(own) for own in of_kinds):
            m, n = (kish(np.bincount(own)) for own in of_kinds)
            weight = len(of_kinds[0]) * len(of_kinds[1])
            pairs += weight
            variance += weight**2 * (m + n + 1) / (12 * m * n)
    return 0.25 * pairs**2 / variance if pairs else 1.0


def _running_sum(weights: np.ndarray) -> np.ndarray:
    """Shape (n + 1, b): sums of the first 0, 1, ..., n rows."""
    sums = np.zeros((len(weights) + 1, weights.shape[1]), dtype=weights.dtype)
    np.cumsum(weights, axis=0, out=sums[1:])
    return sums
