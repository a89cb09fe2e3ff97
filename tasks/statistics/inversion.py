"""The interval of a sum of absolute values, such as a calibration error.

Noise makes such a sum too large, and never too small: where all parts are 0 in truth, the measured ones are not. A
bootstrap adds its noise to parts that hold noise already, so that its draws are larger still, and its percentiles lie
above what is true. So it is asked the other way round which sums could have given the measured one: were the parts
multiples of those that there may be, and the noise that of the draws, how large would the sum be measured? The interval
holds the sums for which the measured one is neither unusually large nor unusually small.

How much noise adds hangs on how a sum is made up: most where a few parts make it and the rest are noise, least where
all parts do. So the lower end is sought with the few parts that stand out of the noise, the upper end with all of them.
"""

from __future__ import annotations

import numpy as np

# The multiples that are tried, in terms of the measured sum.
MULTIPLES = np.concatenate([np.linspace(0, 1.5, 16), [1.75, 2, 2.5, 3, 4]])
STANDS_OUT = 2.0  # standard errors


def possible_parts(parts: np.ndarray, variances: np.ndarray) -> np.ndarray:
    """How the sums may be made up, of a few parts and of all, brought to the measured sums of absolute values.

    Parameters
    ----------
    parts, variances
        Shape (k, p): k sums of p parts, and the variances of their noise.

    Returns
    -------
    numpy.ndarray
        Shape (2, k, p): the parts that stand out, less what noise may have to do with it (those measured, where none
        does); and the parts made more alike by the noise.
    """
    few = np.sqrt(np.maximum(parts**2 - STANDS_OUT**2 * variances, 0))
    few = np.where((few == 0).all(axis=1, keepdims=True), np.abs(parts), few)
    either = np.sign(parts) * np.stack([few, np.sqrt(parts**2 + variances)])
    sums, measured = np.abs(either).sum(axis=2, keepdims=True), np.abs(parts).sum(axis=1, keepdims=True)
    found: np.ndarray = either * np.divide(measured, sums, out=np.zeros_like(sums), where=sums > 0)
    return found


def inverted(measured: np.ndarray, draws: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the interval of sums of absolute values.

    The measured sum itself always lies within, at the upper end where truth is probably below it.

    Parameters
    ----------
    measured
        The sums, any shape.
    draws
        What would be measured if the truth were each of `MULTIPLES` of that, made up either way: axes (2, L, B) more.
    confidence
        Of the interval.

    References
    ----------
    Carpenter, Test inversion bootstrap confidence intervals, JRSS B 61, 1999.
    """
    most = np.quantile(draws[..., 0, :, :], (1 + confidence) / 2, axis=-1)
    least = np.quantile(draws[..., 1, :, :], (1 - confidence) / 2, axis=-1)
    low, high = np.empty(np.shape(measured)), np.empty(np.shape(measured))
    for place, value in np.ndenumerate(measured):
        # Both rise with the multiple.
        low[place] = np.interp(value, np.maximum.accumulate(most[place]), MULTIPLES)
        high[place] = np.interp(value, np.maximum.accumulate(least[place]), MULTIPLES)
    return np.minimum(low, 1) * measured, np.maximum(high, 1) * measured
