"""The effect: how much more often untrained images are taken for a minority once they are changed.

Everything is paired by image, and intervals come from a bootstrap over groups of relatives. Where few or no images
move the draws show too little variance, so the difference of the two shares gets its interval from theirs: Wilson's,
with the number of independent images that the draws show, and the correlation of the two over the draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tasks.statistics.bootstrap import bootstrap_means
from tasks.statistics.interval import Interval
from tasks.statistics.shares import clustered_wilson, difference_of_shares, kish

DRAWS = 2000
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
    draws = bootstrap_means(both, groups, DRAWS)
    means = both.mean(axis=1)
    sizes = np.bincount(groups)
    bounds = np.full(2, kish(sizes)), np.full(2, float(len(groups)))
    ends = np.column_stack([means, *clustered_wilson(means, draws, *bounds)])
    before, after = (Interval(*map(float, one)) for one in ends)
    spread = draws.std(axis=1)
    correlation = float(np.corrcoef(draws)[0, 1]) if (spread > 1e-12).all() else 0.0
    return Effect(before, after, difference_of_shares(before, after, correlation), changed - untouched)
