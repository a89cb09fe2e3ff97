"""A one-class support vector machine (Schoelkopf et al., Neural Computation 13, 2001)."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.train.detecting.features import OnFeatures


class OneClassSvm(OnFeatures):
    """A surface around the rows, by a Gaussian kernel of width ``1 / (d var)``; nothing of it is random."""

    name: Literal["one_class_svm"] = "one_class_svm"
    nu: float = Field(0.1, gt=0, le=1, description="Share of the learnt rows that may lie outside, at most.")

    def make(self, seed: int) -> Any:
        """See `OnFeatures`."""
        from sklearn.svm import OneClassSVM

        return OneClassSVM(nu=self.nu, gamma="scale")

    def degrees(self, fitted: Any, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """See `OnFeatures`."""
        return np.asarray(-fitted.score_samples(rows), dtype=np.float64)
