"""Confidence intervals: Wilson's for proportions, bootstrap percentiles for everything else."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

DECIMALS = 6  # of what is written: more would be noise, and would differ between linear algebra libraries


@dataclass(frozen=True)
class Interval:
    """A value with the ends of its confidence interval."""

    value: float
    low: float
    high: float

    def as_json(self) -> dict[str, float]:
        """The three numbers, rounded, under the names that all reports use."""
        return {
            "value": round(float(self.value), DECIMALS),
            "low": round(float(self.low), DECIMALS),
            "high": round(float(self.high), DECIMALS),
        }


def wilson(share: np.ndarray | float, trials: np.ndarray | float, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's score interval of proportions.

    Unlike the bootstrap it says something where all or none succeeded: 0 of 23 gives 0 to .14, not 0 to 0.

    Parameters
    ----------
    share
        Observed proportions, any shape, in [0, 1]; a mean over fits is one too: what an image contributes then varies
        less than a success or failure, so the interval is wide enough.
    trials
        Number of independent observations, broadcast with `share`, as `kish` or `effective_trials` give it: relatives
        repeat each other, so that they count for less than their number.
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
    centre = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * np.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    # At a share of 0 or 1 the end is that share exactly, which rounding would miss by a hair.
    return np.minimum(np.maximum(centre - half, 0.0), share), np.maximum(np.minimum(centre + half, 1.0), share)


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


def effective_trials(share: np.ndarray, draws: np.ndarray, least: np.ndarray, most: np.ndarray) -> np.ndarray:
    """How many independent images a share is as uncertain as, judged by how much it varies between resamples.

    It is share (1 - share) / variance, the size of a sample of independent images with the same variance. Where all or
    none succeeded resamples show no variance, and the cautious `least` is taken.

    Parameters
    ----------
    share
        Observed proportions, any shape, in [0, 1].
    draws
        The same on each resample of whole groups: a last axis of length B more. NaN where a resample can't tell.
    least, most
        Bounds, each of the shape of `share`: Kish's number of groups, as if relatives were copies of each other, and
        the number of images, as if they were strangers.

    References
    ----------
    Korn and Graubard, Confidence intervals for proportions with small expected number of positive counts estimated from
    survey data, Survey Methodology 24, 1998; Kish 1965 (design effect).
    """
    binomial, variance = share * (1 - share), np.nanvar(draws, axis=-1, ddof=1)
    trials = np.array(least, dtype=np.float64)
    # Rounding leaves a trace of variance where there is none.
    np.divide(binomial, variance, out=trials, where=(binomial > 0) & (variance > 1e-15))
    return np.clip(trials, least, most)


def percentiles(draws: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the bootstrap percentile interval over the last axis of `draws`, resamples without the class left out.

    References
    ----------
    Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
    """
    low, high = np.nanquantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2], axis=-1)
    return low, high
