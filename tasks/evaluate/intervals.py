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
        Number of independent observations, broadcast with `share`: groups, not images, since relatives repeat each
        other.
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


def percentiles(draws: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the bootstrap percentile interval over the last axis of `draws`, resamples without the class left out.

    References
    ----------
    Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
    """
    low, high = np.nanquantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2], axis=-1)
    return low, high
