"""Few rows that lie near all others: a greedy coreset."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PROJECTED = 128  # dimensions in which distances are compared, as in PatchCore


def greedy_coreset(rows: NDArray[np.float32], number: int, first: int) -> NDArray[np.int64]:
    """Choose rows so that the farthest of the others is near: each is the one farthest from those before it.

    The largest distance is at most twice the smallest that so many rows can have (Gonzalez, Theoretical Computer
    Science 38, 1985).

    Parameters
    ----------
    rows
        Shape (n, d).
    number
        How many are chosen; all where there are fewer.
    first
        The one to begin with.

    Returns
    -------
    numpy.ndarray
        The numbers of the chosen rows, in the order in which they were chosen.
    """
    rows = rows.astype(np.float32)
    squares = (rows**2).sum(axis=1)
    nearest = np.full(len(rows), np.inf, dtype=np.float32)
    chosen = [first]
    while len(chosen) < min(number, len(rows)):
        last = chosen[-1]
        np.minimum(nearest, squares + squares[last] - 2 * (rows @ rows[last]), out=nearest)
        nearest[last] = -np.inf
        chosen.append(int(nearest.argmax()))
    return np.array(chosen, dtype=np.int64)


def projected(rows: NDArray[np.float32], stream: np.random.Generator) -> NDArray[np.float32]:
    """Rows in `PROJECTED` dimensions of chance, in which distances are nearly the same (Johnson, Lindenstrauss)."""
    if rows.shape[1] <= PROJECTED:
        return rows
    onto = (stream.normal(size=(rows.shape[1], PROJECTED)) / PROJECTED**0.5).astype(np.float32)
    made: NDArray[np.float32] = rows @ onto
    return made
