"""Shares of images, such as a recall: how sure they are, where relatives repeat each other.

The interval of one share is Wilson's. Those of a mean and of a difference of shares are made from it by the method of
variance estimates recovery, and like it they don't shrink to a point where all or none succeeded.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from tasks.statistics.interval import CONFIDENCE, Interval


def wilson(
    share: np.ndarray | float, trials: np.ndarray | float, confidence: float = CONFIDENCE
) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's score interval of proportions.

    Unlike the bootstrap it says something where all or none succeeded: 0 of 23 gives 0 to .14, not 0 to 0.

    Parameters
    ----------
    share
        Observed proportions, any shape, in [0, 1]; a mean over fits is one too: what an image contributes then varies
        less than a success or failure, so the interval is wide enough.
    trials
        Number of independent observations, broadcast with `share`, as `kish` or `effective_trials` give it: relatives
        repeat each other, so that they count for less than their number. Without trials any share may be the true one.
    confidence
        Confidence level in (0, 1).

    Returns
    -------
    low, high
        Ends of the intervals, in [0, 1].

    References
    ----------
    Wilson, Probable inference, the law of succession, and statistical inference, JASA 22, 1927.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    tried = np.greater(trials, 0)
    trials = np.where(tried, trials, 1.0)
    centre = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * np.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    # At a share of 0 or 1 the end is that share exactly, which rounding would miss by a hair.
    low = np.minimum(np.maximum(centre - half, 0.0), share)
    high = np.maximum(np.minimum(centre + half, 1.0), share)
    return np.where(tried, low, 0.0)[()], np.where(tried, high, 1.0)[()]


def kish(sizes: np.ndarray) -> float:
    """How many independent images groups of these sizes are worth at least: Kish's effective number of groups.

    Were all images of a group alike, a share would vary as much as one of so many independent images. It is the number
    of groups where all are of equal size, and less where a few large ones dominate.

    Parameters
    ----------
    sizes
        Number of images in each group; groups without any may stand among them, but not alone.

    References
    ----------
    Kish, Survey Sampling, 1965, section 5.4 and chapter 11.
    """
    sizes = sizes.astype(np.float64)
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def effective_trials(
    share: np.ndarray, draws: np.ndarray, least: np.ndarray, most: np.ndarray, confidence: float = CONFIDENCE
) -> np.ndarray:
    """How many independent images a share is as uncertain as, judged by how much it varies between draws.

    It is share (1 - share) / variance, the size of a sample of independent images with the same variance. A variance
    that a few groups show is itself uncertain, so that it is divided by the square of the ratio of the quantiles of
    Student's distribution with as many degrees of freedom as groups, less one, and with as many as images, less one;
    and draws of m groups show only 1 - 1/m of it. Where all or none succeeded draws show no variance, and the cautious
    `least` is taken.

    Parameters
    ----------
    share
        Observed proportions, any shape, in [0, 1].
    draws
        The same on each draw of whole groups: a last axis of length B more. NaN where a draw can't tell.
    least, most
        Bounds, each of the shape of `share`: Kish's number of groups, as if relatives were copies of each other, and
        the number of images, as if they were strangers.
    confidence
        Level of the interval that they are for, in (0, 1).

    References
    ----------
    Korn and Graubard, Confidence intervals for proportions with small expected number of positive counts estimated from
    survey data, Survey Methodology 24, 1998; Kish 1965 (design effect).
    """
    binomial, variance = share * (1 - share), np.nanvar(draws, axis=-1, ddof=1)
    trials = np.array(least, dtype=np.float64)
    # Rounding leaves a trace of variance where there is none.
    np.divide(binomial, variance, out=trials, where=(binomial > 0) & (variance > 1e-15))
    clipped: np.ndarray = np.clip(trials * _what_groups_know(least, most, confidence), least, most)
    return clipped


def _what_groups_know(groups: np.ndarray, images: np.ndarray, confidence: float) -> np.ndarray:
    """What a number of independent images is multiplied by because its variance was seen in so many groups only."""
    from scipy.special import stdtrit

    level = (1 + confidence) / 2
    ratio = stdtrit(np.maximum(images - 1, 1), level) / stdtrit(np.maximum(groups - 1, 1), level)
    return np.asarray(ratio**2 * np.maximum(1 - 1 / np.maximum(groups, 1), 0))


def clustered_wilson(
    share: np.ndarray, draws: np.ndarray, least: np.ndarray, most: np.ndarray, confidence: float = CONFIDENCE
) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's interval with `effective_trials`, whose parameters these are: the ends, each of the shape of `share`."""
    return wilson(share, effective_trials(share, draws, least, most, confidence), confidence)


def chosen_bounds(groups: np.ndarray, chosen: np.ndarray) -> tuple[float, float]:
    """The bounds of `effective_trials` for a share of chosen images, such as a precision: means over the fits.

    Parameters
    ----------
    groups
        Shape (n,), integers from 0.
    chosen
        Shape (S, n), bool: what each fit chooses. One that chooses none counts as if it had chosen one image.
    """
    held = [groups[fit] for fit in chosen]
    least = [kish(np.bincount(of_fit)) if len(of_fit) else 1.0 for of_fit in held]
    return float(np.mean(least)), float(np.mean([max(len(of_fit), 1) for of_fit in held]))


def mean_of_shares(shares: Sequence[float], n: Sequence[int], confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The interval of a mean of independent shares, such as a balanced accuracy, the mean of the classes' recalls.

    Parameters
    ----------
    shares
        In [0, 1].
    n
        Trials behind each share; for images with relatives, the number of groups.
    confidence
        Confidence level in (0, 1).

    References
    ----------
    Zou and Donner, Construction of confidence limits about effect measures, Statistics in Medicine 27, 2008.
    """
    values = np.asarray(shares, dtype=float)
    low, high = wilson(values, np.asarray(n), confidence)
    return weighted_mean(values, low, high, np.full(len(values), 1 / len(values)), np.eye(len(values)))


def weighted_mean(
    values: np.ndarray, low: np.ndarray, high: np.ndarray, weights: np.ndarray, correlation: np.ndarray
) -> tuple[float, float]:
    """The interval of a weighted mean of shares, from their own: by the method of variance estimates recovery.

    Parameters
    ----------
    values, low, high
        Shape (m,): the shares and the ends of their intervals.
    weights
        Shape (m,), 0 or above; they sum to 1.
    correlation
        Shape (m, m): of the shares over samples, see `correlations`.

    References
    ----------
    Zou, Huang and Zhang, A note on confidence interval estimation for a linear function of binomial proportions,
    Computational Statistics and Data Analysis 53, 2009; correlated shares: Zou and Donner, Statistics in Medicine 27,
    2008.
    """
    mean = float(weights @ values)
    below, above = weights * (values - low), weights * (high - values)
    reach = [float(np.sqrt(max(0.0, side @ correlation @ side))) for side in (below, above)]
    return max(float(low.min()), mean - reach[0]), min(float(high.max()), mean + reach[1])


def correlations(draws: np.ndarray) -> np.ndarray:
    """Shape (m, m): correlations of numbers over draws, shape (m, B); of one that doesn't vary with the others 0.

    Draws with a NaN are left out.
    """
    whole = draws[:, ~np.isnan(draws).any(axis=0)]
    if whole.shape[1] < 2:
        return np.eye(len(draws))
    centred = whole - whole.mean(axis=1, keepdims=True)
    spread = np.sqrt((centred**2).sum(axis=1))
    units = np.divide(centred, spread[:, None], out=np.zeros_like(centred), where=spread[:, None] > 1e-9)
    found = units @ units.T
    np.fill_diagonal(found, 1.0)
    return np.asarray(found)


def difference_of_shares(first: Interval, second: Interval, correlation: float) -> Interval:
    """The second share minus the first, where both are of the same images.

    Parameters
    ----------
    first, second
        The two shares with their own intervals.
    correlation
        Of the two shares over samples, in [-1, 1]; 0 where one of them doesn't vary.

    References
    ----------
    Newcombe, Improved confidence intervals for the difference between binomial proportions based on paired data,
    Statistics in Medicine 17, 1998, 2635-2650, method 10; Zou and Donner, Statistics in Medicine 27, 2008, 1693-1702,
    for correlated shares.
    """

    def joined(one: float, other: float) -> float:
        """How far the difference's interval reaches, from how far those of its two parts do."""
        return float(np.sqrt(max(0.0, one**2 + other**2 - 2 * correlation * one * other)))

    difference = second.value - first.value
    below = joined(second.value - second.low, first.high - first.value)
    above = joined(second.high - second.value, first.value - first.low)
    return Interval(difference, difference - below, difference + above)
