"""RUSBoost (Seiffert, Khoshgoftaar, Van Hulse and Napolitano, IEEE Transactions on SMC-A 40, 2010)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.train.estimators import Estimator
from tasks.train.losses import balanced_weights


class RusBoost(Estimator):
    """AdaBoost (SAMME) whose every tree learns from as many rows of each class, drawn anew.

    Boosting starts with classes of the same weight, and a drawn row stands for those of its class that were left out.
    In the paper it starts with rows of the same weight: there trees learn from balanced rows and are judged by
    imbalanced ones, so that boosting moves back to the imbalance, or ends at the first tree that fails at it.
    """

    name: Literal["rusboost"] = "rusboost"
    packages: ClassVar[tuple[str, ...]] = ("imbalanced-learn", "scikit-learn", "skops")
    trusted: ClassVar[tuple[str, ...]] = (
        "imblearn.ensemble._weight_boosting.RUSBoostClassifier",
        "sklearn.tree._tree.Tree",
    )
    balances: ClassVar[bool] = True
    trees: int = Field(100, ge=1, le=10_000, description="Trees, one after the other.")
    depth: int = Field(3, ge=1, le=30, description="Of a tree; 1 parts a draw in two and is weak with many classes.")
    learning_rate: float = Field(0.5, gt=0, le=10, description="Share of the step that each tree makes.")

    def make(self, seed: int, stands_for: dict[int, float] | None = None) -> Any:
        """See `Estimator`; by class, how many rows a drawn one stands for."""
        from imblearn.ensemble import RUSBoostClassifier
        from sklearn.tree import DecisionTreeClassifier

        return RUSBoostClassifier(
            DecisionTreeClassifier(max_depth=self.depth, class_weight=stands_for),
            n_estimators=self.trees,
            learning_rate=self.learning_rate,
            random_state=seed,
        )

    def fit(
        self, values: NDArray[np.float32], targets: NDArray[np.int64], weights: NDArray[np.float64], seed: int
    ) -> Any:
        """See `Classifier`; the draws decide how often a row counts, so it has no weight of its own."""
        counts = np.bincount(targets).astype(np.float64)
        stands_for = dict(enumerate((counts / counts.min()).tolist()))
        made = self.make(seed, stands_for).fit(values, targets, sample_weight=balanced_weights(counts)[targets])
        # What draws rows, and names those of each draw, is needed by no prediction.
        made.samplers_, made.pipelines_, made.base_sampler_ = [], [], None
        return made
