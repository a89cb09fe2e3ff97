"""Stepwise tests of many paired differences, with the family-wise error held.

The largest difference, in standard errors, is judged against the largest deviation of all differences in a draw; the
next against that of those that are left, and so on. So a difference that is proved makes it easier to prove the next,
and no more is lost to the number of strategies than has to be (Romano and Wolf, JASA 100, 2005).
"""

from __future__ import annotations

import numpy as np

from tasks.statistics.simultaneous import STEADY


def stepwise_p_values(values: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Adjusted two-sided p-values of differences against 0, step-down max-|t|.

    A set of differences with an adjusted p-value of at most .05 holds one without an effect in at most about 5 % of
    datasets.

    Parameters
    ----------
    values
        Shape (m,): the differences on the data.
    draws
        Shape (m, B): the same on each draw of a paired bootstrap, every row under the same weights. NaN where a draw
        can't tell.

    Returns
    -------
    numpy.ndarray
        Shape (m,), in (0, 1]. That of a difference which is the same in every draw is 1 where it is 0, else the
        smallest that B draws can show.

    References
    ----------
    Romano and Wolf, Exact and approximate stepdown methods for multiple hypothesis testing, JASA 100, 2005; the
    p-values after Romano and Wolf, Efficient computation of adjusted p-values for resampling-based stepdown multiple
    testing, Statistics and Probability Letters 113, 2016.
    """
    errors = np.nanstd(draws, axis=1, ddof=1)
    uncertain = errors > STEADY
    scale = np.where(uncertain, errors, 1.0)
    sizes = np.where(uncertain, np.abs(values) / scale, np.where(np.abs(values) > STEADY, np.inf, 0.0))
    deviations = np.where(uncertain[:, None], np.abs(draws - values[:, None]) / scale[:, None], 0.0)
    deviations = np.nan_to_num(deviations, nan=0.0)
    order = np.argsort(-sizes, kind="stable")
    # From the last to the first: the largest deviation of those that are left at each step.
    largest = np.maximum.accumulate(deviations[order[::-1]], axis=0)[::-1]
    reached = (largest >= sizes[order, None]).sum(axis=1)
    adjusted = np.maximum.accumulate((1 + reached) / (1 + draws.shape[1]))
    p_values = np.empty(len(values))
    p_values[order] = adjusted
    return p_values
