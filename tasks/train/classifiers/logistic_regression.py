"""Logistic regression of all classes at once, to its minimum: nothing is left to chance.

Standardised features and an L2 penalty, minimised by L-BFGS (Liu and Nocedal, Mathematical Programming 45, 1989).
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.statistics.scaling import BoundedStandardisation
from tasks.train.estimators import Estimator


class LogisticRegression(Estimator):
    """``softmax(W x + b)`` of standardised features, minimising ``|W|^2 / 2 + cost * sum_i w_i loss_i``."""

    name: Literal["logistic_regression"] = "logistic_regression"
    has_chance: ClassVar[bool] = False
    cost: float = Field(0.03, gt=0, le=1e6, description="Of errors against the size of weights: C; small is smooth.")
    most_steps: int = Field(2000, ge=1, le=100_000, description="Steps after which the minimum need not be reached.")

    def make(self, seed: int) -> Any:
        """See `Estimator`."""
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(C=self.cost, max_iter=self.most_steps, tol=1e-6)

    def fit(
        self, values: NDArray[np.float32], targets: NDArray[np.int64], weights: NDArray[np.float64], seed: int
    ) -> Any:
        """See `Classifier`: the scale of the weighted rows, and the regression on what it makes of them."""
        standard = BoundedStandardisation.of(values, weights)
        fitted = super().fit(standard(values).astype(np.float64), targets, weights, seed)
        return {**vars(standard), "regression": fitted}

    def probabilities(self, fitted: Any, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """See `Classifier`."""
        scaled = BoundedStandardisation.kept(fitted)(values)
        return super().probabilities(fitted["regression"], scaled)
