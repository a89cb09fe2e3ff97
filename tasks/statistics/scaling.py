"""Rows brought to one scale: columns of mean 0 and deviation 1, or rows of length 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Standardisation:
    """What brings columns to mean 0 and deviation 1.

    Attributes
    ----------
    mean, deviation
        Of the rows that it was made of, shape (d,), float32. The deviation of a column that never varied is infinite:
        it says nothing of a row where it does, and is 0 there too.
    """

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]

    @classmethod
    def of(cls, rows: np.ndarray, weights: np.ndarray | None = None) -> Standardisation:
        """Mean and deviation of rows, shape (n, d), which count as float32: less than that resolves is no variation.

        With `weights`, shape (n,), positive, a row counts as often as its weight says.
        """
        rows = np.asarray(rows, dtype=np.float32)
        mean = _mean(rows, weights).astype(np.float32)
        deviation = np.sqrt(_mean(np.square(rows - mean), weights)).astype(np.float32)
        deviation[deviation == 0] = np.inf
        return cls(mean, deviation)

    def __call__(self, rows: np.ndarray) -> NDArray[np.float32]:
        """Rows, shape (n, d), on the scale."""
        scaled: NDArray[np.float32] = np.asarray(rows, dtype=np.float32) - self.mean
        scaled /= self.deviation
        return scaled


@dataclass(frozen=True)
class BoundedStandardisation(Standardisation):
    """The same, with values of other rows that lie beyond those of its own counted as the nearest of its own.

    What weighs and sums columns has learnt nothing of how it goes on out there, and a column that hardly ever moves may
    be hundreds of deviations away in another row, where it would outvote all others.

    Attributes
    ----------
    lowest, highest
        Shape (d,), float32: the range of each column of its own rows, on the scale.
    """

    lowest: NDArray[np.float32]
    highest: NDArray[np.float32]

    @classmethod
    def of(cls, rows: np.ndarray, weights: np.ndarray | None = None) -> BoundedStandardisation:
        """See `Standardisation.of`."""
        plain = Standardisation.of(rows, weights)
        scaled = plain(rows)
        return cls(plain.mean, plain.deviation, scaled.min(axis=0), scaled.max(axis=0))

    @classmethod
    def kept(cls, arrays: Mapping[str, NDArray[np.float32]]) -> BoundedStandardisation:
        """One of arrays by the names of its attributes, among others; those of earlier versions have no range."""
        ends = np.full_like(arrays["mean"], np.inf)
        return cls(*({"lowest": -ends, "highest": ends, **arrays}[one.name] for one in fields(cls)))

    def __call__(self, rows: np.ndarray) -> NDArray[np.float32]:
        """Rows, shape (n, d), on the scale."""
        scaled = super().__call__(rows)
        return np.clip(scaled, self.lowest, self.highest, out=scaled)


def _mean(rows: NDArray[np.float32], weights: np.ndarray | None) -> NDArray[np.float64]:
    """The mean of each column, shape (d,)."""
    if weights is None:
        return np.asarray(rows.mean(axis=0, dtype=np.float64))
    return np.asarray(weights @ rows.astype(np.float64) / weights.sum())


def unit_vectors(vectors: np.ndarray) -> np.ndarray:
    """Vectors, shape (n, d), at length 1, so that their products are cosines; one of length 0 stays."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    lengths[lengths == 0] = 1
    return np.asarray(vectors / lengths)
