"""Nearest neighbours in fewer dimensions, for samplers that then interpolate in all of them.

In hundreds of dimensions distances are nearly all alike, and neighbours mean little (Beyer et al. 1999). So rows are
standardised and projected on their principal components before they are compared, and only for that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from tasks.statistics.principal_components import principal_axes


@dataclass(frozen=True)
class Projection:
    """Standardisation and, where there are more dimensions than wanted, projection on principal components.

    Attributes
    ----------
    mean, deviation
        Shape (d,), of the rows that it was made of.
    axes
        Shape (components, d), or None.
    """

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]
    axes: NDArray[np.float32] | None

    @classmethod
    def of(cls, rows: NDArray[np.float32], components: int) -> Projection:
        """The projection that rows of shape (n, d) ask for, to at most `components` dimensions."""
        mean = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
        deviation = rows.std(axis=0, dtype=np.float64).astype(np.float32)
        deviation[deviation == 0] = np.inf
        if rows.shape[1] <= components:
            return cls(mean, deviation, None)
        axes = principal_axes((rows - mean) / deviation, min(components, len(rows)), "randomized")
        return cls(mean, deviation, axes)

    def __call__(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """`rows` of shape (n, d) in the space in which they are compared."""
        standard: NDArray[np.float32] = (rows - self.mean) / self.deviation
        return standard if self.axes is None else standard @ self.axes.T


class ProjectedNeighbours:
    """A search for neighbours as imbalanced-learn takes it in place of a number, but after a projection.

    Parameters
    ----------
    n_neighbors
        How many are found for a row, itself among them.
    projection
        To the space in which they are near.
    """

    def __init__(self, n_neighbors: int, projection: Projection) -> None:
        self.n_neighbors = n_neighbors
        self.projection = projection
        self.search = NearestNeighbors(n_neighbors=n_neighbors)

    def __sklearn_clone__(self) -> ProjectedNeighbours:
        return ProjectedNeighbours(self.n_neighbors, self.projection)

    def fit(self, rows: NDArray[np.float32]) -> ProjectedNeighbours:
        """Search among `rows`, shape (n, d)."""
        self.search.fit(self.projection(rows))
        return self

    def kneighbors(self, rows: NDArray[np.float32], return_distance: bool = True) -> Any:
        """Distances in the projection and numbers of the nearest rows, each of shape (n, n_neighbors)."""
        return self.search.kneighbors(self.projection(rows), return_distance=return_distance)

    def kneighbors_graph(self, rows: NDArray[np.float32], mode: str = "connectivity") -> Any:
        """The neighbours as a sparse matrix; imbalanced-learn takes no search without it."""
        return self.search.kneighbors_graph(self.projection(rows), mode=mode)
