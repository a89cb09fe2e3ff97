"""EasyEnsemble (Liu, Wu and Zhou, Exploratory Undersampling for Class-Imbalance Learning, IEEE SMC-B 39, 2009)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.train.estimators import Estimator


class EasyEnsemble(Estimator):
    """AdaBoost on several draws, each with all rows of the rarest class and as many of every other; then their mean."""

    name: Literal["easy_ensemble"] = "easy_ensemble"
    packages: ClassVar[tuple[str, ...]] = ("imbalanced-learn", "scikit-learn", "skops")
    trusted: ClassVar[tuple[str, ...]] = (
        "imblearn.ensemble._easy_ensemble.EasyEnsembleClassifier",
        "sklearn.tree._tree.Tree",
    )
    balances: ClassVar[bool] = True
    draws: int = Field(10, ge=1, le=1000, description="Draws, on each of which AdaBoost is fitted.")
    trees: int = Field(30, ge=1, le=10_000, description="Trees of each AdaBoost.")
    depth: int = Field(2, ge=1, le=30, description="Of a tree; 1 parts a draw in two and is weak with many classes.")

    def make(self, seed: int) -> Any:
        """See `Estimator`."""
        from imblearn.ensemble import EasyEnsembleClassifier
        from sklearn.ensemble import AdaBoostClassifier
        from sklearn.tree import DecisionTreeClassifier

        boosted = AdaBoostClassifier(DecisionTreeClassifier(max_depth=self.depth), n_estimators=self.trees)
        return EasyEnsembleClassifier(self.draws, boosted, random_state=seed, n_jobs=1)

    def fit(
        self, values: NDArray[np.float32], targets: NDArray[np.int64], weights: NDArray[np.float64], seed: int
    ) -> Any:
        """See `Classifier`; the draws decide how often a row counts, so it has no weight beside them."""
        made = self.make(seed).fit(values, targets)
        # What draws rows, and names those of each draw, is needed by no prediction.
        made.estimators_, made.estimator_ = [pipeline[-1] for pipeline in made.estimators_], None
        return made
