"""ADASYN: the more neighbours of other classes a row has, the more new rows start at it (He et al. 2008)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from tasks.train.interpolating import Interpolating

if TYPE_CHECKING:
    from tasks.train.neighbours import Projection


class Adasyn(Interpolating):
    """New rows in proportion to the share of other classes among a row's neighbours, rounded.

    So a class comes near `grow_to` but for rounding; one that has no neighbours of other classes stays as it is.
    """

    name: Literal["adasyn"] = "adasyn"

    def method(self, wanted: dict[int, int], own: int, rows: int, projection: Projection, random_state: int) -> Any:
        """See `Interpolating`."""
        from imblearn.over_sampling import ADASYN

        from tasks.train.neighbours import ProjectedNeighbours

        near = ProjectedNeighbours(min(self.k_neighbors + 1, own), projection)
        return ADASYN(sampling_strategy=wanted, random_state=random_state, n_neighbors=near)

    def made(self, method: Any, features: NDArray[np.float32], targets: NDArray[np.int64]) -> NDArray[np.float32]:
        """See `Interpolating`; none where the method finds no row to start at, or rounds all shares to nothing."""
        try:
            return super().made(method, features, targets)
        except (RuntimeError, ValueError):
            return features[:0]
