"""An isolation forest: outliers are cut off from the others by few random cuts (Liu et al., ICDM 2008)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.train.detecting.features import OnFeatures


class IsolationForest(OnFeatures):
    """The fewer cuts a row needs, the farther it is: ``2 ** -(mean depth / expected depth)``, in (0, 1).

    Each tree sees at most 256 rows, as in the paper: more make outliers harder to see.
    """

    name: Literal["isolation_forest"] = "isolation_forest"
    trusted: ClassVar[tuple[str, ...]] = ("sklearn.tree._tree.Tree",)
    trees: int = Field(200, ge=1, le=10_000, description="Number of trees.")

    def make(self, seed: int) -> Any:
        """See `OnFeatures`."""
        from sklearn.ensemble import IsolationForest as Forest

        return Forest(n_estimators=self.trees, random_state=seed, n_jobs=1)

    def degrees(self, fitted: Any, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """See `OnFeatures`."""
        return np.asarray(-fitted.score_samples(rows), dtype=np.float64)
