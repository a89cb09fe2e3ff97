"""A random forest (Breiman, Machine Learning 45, 2001)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from tasks.train.estimators import Estimator


class RandomForest(Estimator):
    """Trees on bootstrap samples, each split among a random choice of the features."""

    name: Literal["random_forest"] = "random_forest"
    trusted: ClassVar[tuple[str, ...]] = ("sklearn.tree._tree.Tree",)
    trees: int = Field(100, ge=1, le=10_000, description="Number of trees.")
    min_leaf: int = Field(3, ge=1, le=10_000, description="Fewest rows in a leaf; more make smoother probabilities.")

    def make(self, seed: int) -> Any:
        """See `Estimator`."""
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(self.trees, min_samples_leaf=self.min_leaf, random_state=seed, n_jobs=1)
