"""Simultaneous confidence intervals of paired differences.

The more strategies are tried, the likelier it is that one looks better by luck. So the intervals are widened together
until all of them hold at once with the wanted confidence: the chance that any strategy without effect gets an interval
beside 0 (the family-wise error) is then about 1 - confidence. Noise that the draws don't hold, such as that of other
training images, is not counted in it (Bengio and Grandvalet, JMLR 5, 2004).
"""

from __future__ import annotations

import numpy as np

STEADY = 1e-12  # rounding leaves a trace of spread where there is none, which is no tiny standard error


def simultaneous(values: np.ndarray, draws: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Single-step max-|t| intervals from paired bootstrap draws.

    Each difference is divided by its bootstrap standard error; the interval's half-width, in standard errors, is the
    quantile of the largest such deviation in a draw. What the differences have in common (they share the baseline
    and the images) is thereby used, which makes the intervals narrower than Bonferroni's.

    Parameters
    ----------
    values
        Shape (m,): the differences on the data.
    draws
        Shape (m, B): the same on each draw, every row under the same weights. NaN where a draw can't tell.
    confidence
        Confidence level of all m intervals together, in (0, 1).

    Returns
    -------
    low, high
        Shape (m,): ends of the intervals. A difference that is the same in every draw, as between identical
        predictions, has an interval of length 0.

    References
    ----------
    Westfall and Young, Resampling-Based Multiple Testing, 1993, chapter 2 (single-step max-T); Romano and Wolf, Exact
    and approximate stepdown methods for multiple hypothesis testing, JASA 100, 2005; Hothorn, Bretz and Westfall,
    Simultaneous inference in general parametric models, Biometrical Journal 50, 2008.
    """
    errors = np.nanstd(draws, axis=1, ddof=1)
    uncertain = errors > STEADY
    if not uncertain.any():
        return values.copy(), values.copy()
    deviations = np.abs(draws[uncertain] - values[uncertain, None]) / errors[uncertain, None]
    width = np.nanquantile(np.nanmax(deviations, axis=0), confidence)
    half = np.where(uncertain, width * errors, 0.0)
    return values - half, values + half
