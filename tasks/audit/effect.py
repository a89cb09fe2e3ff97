"""The effect: how much more often untrained images are taken for a minority once they are changed.

Everything is paired by image, and intervals come from resampling groups of relatives. Where few or no images move the
resamples show too little variance, so the difference of the two shares gets its interval from theirs, by the method of
variance estimates recovery: Wilson's intervals of both shares, with the number of independent images that the resamples
show, and the correlation of the two over the resamples (Newcombe, Statistics in Medicine 17, 1998, 2635-2650, method
10; Zou and Donner, Statistics in Medicine 27, 2008, 1693-1702, for correlated shares).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tasks.evaluate.intervals import Interval, effective_trials, kish, wilson

CONFIDENCE = 0.95
RESAMPLES = 2000
SEED = 0
EVEN = 0.01  # shares of new images that differ by no more than rounding does


@dataclass(frozen=True)
class Effect:
    """Shares of the audited images that a strategy takes for a minority, with intervals.

    Attributes
    ----------
    untouched, changed
        As they are, and as the recipe changes them.
    difference
        Changed minus untouched.
    moved
        Of each image, how much more often it is taken for a minority, shape (n,).
    """

    untouched: Interval
    changed: Interval
    difference: Interval
    moved: np.ndarray


def minorities(balanced: pd.DataFrame, classes: Sequence[str], audited: str) -> list[str]:
    """The classes that have a larger share of new images than the audited one; all others where none has.

    Parameters
    ----------
    balanced
        Table `BALANCED`.
    classes
        All classes of the model.
    audited
        The class of the audited images.
    """
    shares = balanced["file"].notna().groupby(balanced["label"]).mean()
    others = [name for name in classes if name != audited]
    larger = [name for name in others if shares.get(name, 0.0) > shares.get(audited, 0.0) + EVEN]
    return larger or others


def effect(untouched: np.ndarray, changed: np.ndarray, groups: np.ndarray) -> Effect:
    """Measure the effect.

    Parameters
    ----------
    untouched, changed
        Of each image the share of fits, and of fits and copies, that take it for a minority; shape (n,), in [0, 1].
    groups
        Code of the group of relatives of each image, shape (n,), integers from 0.
    """
    both = np.stack([untouched, changed])
    draws = resampled_means(both, groups)
    means = both.mean(axis=1)
    sizes = np.bincount(groups)
    trials = effective_trials(means, draws, np.full(2, kish(sizes)), np.full(2, float(len(groups))))
    low, high = wilson(means, trials, CONFIDENCE)
    spread = draws.std(axis=1)
    correlation = float(np.corrcoef(draws)[0, 1]) if (spread > 1e-12).all() else 0.0
    difference = float(means[1] - means[0])
    below, above = means - low, high - means
    return Effect(
        Interval(float(means[0]), float(low[0]), float(high[0])),
        Interval(float(means[1]), float(low[1]), float(high[1])),
        Interval(
            difference,
            difference - _joined(below[1], above[0], correlation),
            difference + _joined(above[1], below[0], correlation),
        ),
        changed - untouched,
    )


def _joined(first: float, second: float, correlation: float) -> float:
    """How far the interval of a difference reaches, from how far those of its two parts do."""
    return float(np.sqrt(max(0.0, first**2 + second**2 - 2 * correlation * first * second)))


def resampled_means(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Means over images when whole groups are drawn with replacement, as many as there are.

    Parameters
    ----------
    values
        Shape (m, n).
    groups
        Shape (n,), integers from 0.

    Returns
    -------
    numpy.ndarray
        Shape (m, `RESAMPLES`).
    """
    weights = drawn_groups(int(groups.max()) + 1)
    sums = np.stack([np.bincount(groups, row, minlength=weights.shape[1]) for row in values])
    means: np.ndarray = (sums @ weights.T) / (weights @ np.bincount(groups))
    return means


def drawn_groups(number: int, resamples: int = RESAMPLES) -> np.ndarray:
    """How often each of some groups is drawn in each resample, shape (resamples, number)."""
    stream = np.random.default_rng(SEED)
    return stream.multinomial(number, np.full(number, 1 / number), size=resamples)
