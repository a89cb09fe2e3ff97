"""Mahalanobis's distance to the mean, the covariance shrunk as Ledoit and Wolf do (J. Multivariate Analysis 88, 2004).

Rippel et al., Modeling the distribution of normal data in pre-trained deep features for anomaly detection, ICPR 2020.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tasks.train.detecting.features import OnFeatures


class Mahalanobis(OnFeatures):
    """How many deviations a row is from the mean, each direction on its own scale; nothing of it is random."""

    name: Literal["mahalanobis"] = "mahalanobis"

    def make(self, seed: int) -> Any:
        """See `OnFeatures`."""
        from sklearn.covariance import LedoitWolf

        return LedoitWolf()

    def degrees(self, fitted: Any, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """See `OnFeatures`."""
        return np.asarray(np.sqrt(np.maximum(fitted.mahalanobis(rows.astype(np.float64)), 0)), dtype=np.float64)
