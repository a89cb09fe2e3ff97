"""Rows of related images: what sets rows aside inside a fit, to see how it does on others, keeps them on one side.

The folds of a split do so by themselves; this is for the halves, or folds, that a model makes of its own rows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BETWEEN = -1  # in place of a group's number: a row of images of several groups (`tasks.train.rows.Rows.relatives`)
SMALLEST = 2  # rows of a half that something can be learnt from


def halves_of(relatives: NDArray[np.int64]) -> NDArray[np.int64]:
    """In which half each of n rows is, shape (n,): 0 or 1, about as many in both, and relatives in one.

    Every second row is in half 0 where none are related, or where that would leave fewer than `SMALLEST` in a half.

    Parameters
    ----------
    relatives
        Shape (n,): see `tasks.train.rows.Rows`; rows between several groups are taken for related to none.
    """
    own = np.where(relatives == BETWEEN, relatives.max(initial=0) + 1 + np.arange(len(relatives)), relatives)
    _, first, group, sizes = np.unique(own, return_index=True, return_inverse=True, return_counts=True)
    filled, half_of = [0, 0], np.zeros(len(sizes), dtype=np.int64)
    for number in np.lexsort((first, -sizes)):  # the largest first, so that small ones even out
        half_of[number] = int(filled[1] < filled[0])
        filled[half_of[number]] += int(sizes[number])
    if min(filled) < SMALLEST:
        return np.arange(len(relatives)) % 2
    return half_of[group.ravel()]
