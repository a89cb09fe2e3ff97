"""The jackknife: how sure a statistic of two samples is, from its values when groups of relatives are left out.

For what a bootstrap can't do: an image that is drawn twice is its own nearest neighbour. The groups of a sample are
dealt to some blocks of equal size, and the statistic is computed without each block in turn (the delete-a-group
jackknife: Kott, Journal of Official Statistics 17, 2001; Wolter, Introduction to Variance Estimation, 2007, chapter 4).
Independent samples are thinned one at a time, and their variances add (Arvesen, Annals of Mathematical Statistics 40,
1969).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.statistics.folds import deal_folds
from tasks.statistics.interval import CONFIDENCE, Interval
from tasks.statistics.shares import wilson

BLOCKS = 20

# From what is kept of each sample, bool, to named values in an array of shape (m,); NaN where they can't be told.
Statistic = Callable[[Sequence[NDArray[np.bool_]]], NDArray[np.float64]]


@dataclass(frozen=True)
class Jackknifed:
    """Statistics and how sure they are.

    Attributes
    ----------
    values
        On the samples as they are, shape (m,).
    errors
        Standard errors, shape (m,).
    freedom
        Degrees of freedom of the errors: of the sample with the fewest blocks.
    """

    values: NDArray[np.float64]
    errors: NDArray[np.float64]
    freedom: int

    def interval(self, at: int, confidence: float = CONFIDENCE) -> Interval:
        """The interval of a number that may be anything, by Student's distribution."""
        from scipy.stats import t

        value, reach = self.values[at], float(t.ppf((1 + confidence) / 2, self.freedom) * self.errors[at])
        return Interval(float(value), float(value - reach), float(value + reach))

    def share(self, at: int, trials: float, confidence: float = CONFIDENCE) -> Interval:
        """The interval of a share: Student's within [0, 1], and no narrower than Wilson's, which is never a point.

        Parameters
        ----------
        at
            Which of the statistics; in [0, 1].
        trials
            How many independent images it is a share of: see `tasks.statistics.shares.kish`.
        confidence
            Level of the interval.
        """
        plain = self.interval(at, confidence)
        low, high = wilson(plain.value, trials, confidence)
        return Interval(plain.value, max(0.0, min(plain.low, float(low))), min(1.0, max(plain.high, float(high))))


def jackknife(
    statistic: Statistic, samples: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]], blocks: int = BLOCKS
) -> Jackknifed:
    """Compute statistics, and again without each block of each sample.

    Parameters
    ----------
    statistic
        See `Statistic`. It is called once for each block of each sample, and once more.
    samples
        Of each sample the strata and the groups of its rows, each of shape (n,), integers from 0. A group is left out
        whole; every stratum is spread over the blocks.
    blocks
        How many at most a sample is dealt to.
    """
    whole = [np.ones(len(groups), dtype=bool) for _, groups in samples]
    values = statistic(whole)
    variance, freedom = np.zeros(len(values)), []
    for at, (strata, groups) in enumerate(samples):
        block_of = deal_folds(strata, groups, min(blocks, len(np.unique(groups))))
        there = np.unique(block_of)
        without = np.array(
            [statistic([*whole[:at], block_of != block, *whole[at + 1 :]]) for block in there], dtype=np.float64
        )
        known = ~np.isnan(without)
        count = known.sum(axis=0)
        mean = np.where(known, without, 0).sum(axis=0) / np.maximum(count, 1)
        squares = np.where(known, (without - mean) ** 2, 0).sum(axis=0)
        variance += squares * np.maximum(count - 1, 0) / np.maximum(count, 1)
        freedom.append(max(1, len(there) - 1))
    return Jackknifed(values, np.sqrt(variance), min(freedom))
