"""Dealing images to the folds of a cross-validation, relatives together and rare classes evenly.

For what is measured within one stage. The folds that strategies are compared on are the stage `split`'s, which knows of
test parts, given parts and frozen places.
"""

from __future__ import annotations

import numpy as np

FOLDS = 5


def deal_folds(labels: np.ndarray, groups: np.ndarray, folds: int = FOLDS) -> np.ndarray:
    """A fold for each image: groups stay whole, each goes where its rarest class has the fewest images.

    Groups of rare classes come first, larger ones before smaller ones, then in the order of their numbers.

    Parameters
    ----------
    labels, groups
        Shape (n,), integers from 0.
    """
    counts = np.bincount(labels)
    rarest = np.full(groups.max(initial=-1) + 1, -1)
    by_size = np.argsort(-counts[labels], kind="stable")
    rarest[groups[by_size]] = labels[by_size]  # the last to be written is the rarest
    sizes = np.bincount(groups)
    order = np.lexsort((np.arange(len(sizes)), -sizes, counts[rarest]))
    filled = np.zeros((len(counts), folds))
    place = np.zeros(len(sizes), dtype=np.int64)
    for group in order:
        row = filled[rarest[group]]
        place[group] = int(np.argmin(row + filled.sum(axis=0) * 1e-6))
        row[place[group]] += sizes[group]
    folds_of: np.ndarray = place[groups]
    return folds_of
