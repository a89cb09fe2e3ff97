"""The distance to the nearest rows (Ramaswamy et al., SIGMOD 2000); on features of a network hard to beat."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.train.detecting.features import OnFeatures


class NearestNeighbours(OnFeatures):
    """The mean distance to the `neighbours` nearest rows; nothing of it is random."""

    name: Literal["nearest_neighbours"] = "nearest_neighbours"
    neighbours: int = Field(5, ge=1, le=1000, description="Over how many nearest rows the mean is taken.")

    def make(self, seed: int) -> Any:
        """See `OnFeatures`."""
        from sklearn.neighbors import NearestNeighbors

        return NearestNeighbors(algorithm="brute", n_jobs=1)

    def degrees(self, fitted: Any, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """See `OnFeatures`; of fewer rows than `neighbours` all count."""
        near = min(self.neighbours, fitted.n_samples_fit_)
        return np.asarray(fitted.kneighbors(rows, near)[0].mean(axis=1), dtype=np.float64)
