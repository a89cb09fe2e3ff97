"""A balanced random forest (Chen, Liaw and Breiman, Using Random Forest to Learn Imbalanced Data, Berkeley 2004)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.train.estimators import Estimator


class BalancedRandomForest(Estimator):
    """Every tree learns from as many rows of each class as the rarest has, drawn with replacement."""

    name: Literal["balanced_random_forest"] = "balanced_random_forest"
    packages: ClassVar[tuple[str, ...]] = ("imbalanced-learn", "scikit-learn", "skops")
    trusted: ClassVar[tuple[str, ...]] = (
        "imblearn.ensemble._forest.BalancedRandomForestClassifier",
        "sklearn.tree._tree.Tree",
    )
    balances: ClassVar[bool] = True
    trees: int = Field(200, ge=1, le=10_000, description="Number of trees; each sees few of the common rows.")
    min_leaf: int = Field(1, ge=1, le=10_000, description="Fewest rows in a leaf; more make smoother probabilities.")

    def make(self, seed: int) -> Any:
        """See `Estimator`."""
        from imblearn.ensemble import BalancedRandomForestClassifier

        return BalancedRandomForestClassifier(
            self.trees,
            min_samples_leaf=self.min_leaf,
            sampling_strategy="all",
            replacement=True,
            bootstrap=False,
            random_state=seed,
            n_jobs=1,
        )

    def fit(
        self, values: NDArray[np.float32], targets: NDArray[np.int64], weights: NDArray[np.float64], seed: int
    ) -> Any:
        """See `Classifier`; the draws decide how often a row counts, so it has no weight beside them."""
        made = self.make(seed).fit(values, targets)
        # What draws rows, and names those of each draw, is needed by no prediction.
        made.samplers_, made.pipelines_, made.base_sampler_ = [], [], None
        return made
