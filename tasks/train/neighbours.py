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
from tasks.statistics.scaling import Standardisation


@dataclass(frozen=True)
class Projection:
    """Standardisation and, where there are more dimensions than wanted, projection on principal components.

    Attributes
    ----------
    standard
        To mean 0 and deviation 1 of the rows that it was made of.
    axes
        Shape (components, d), or None.
    """

    standard: Standardisation
    axes: NDArray[np.float32] | None

    @classmethod
    def of(cls, rows: NDArray[np.float32], components: int) -> Projection:
        """The projection that rows of shape (n, d) ask for, to at most `components` dimensions."""
        standard = Standardisation.of(rows)
        if rows.shape[1] <= components:
            return cls(standard, None)
        return cls(standard, principal_axes(standard(rows), min(components, len(rows)), "randomized"))

    def __call__(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """`rows` of shape (n, d) in the space in which they are compared."""
        scaled = self.standard(rows)
        return scaled if self.axes is None else scaled @ self.axes.T


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
