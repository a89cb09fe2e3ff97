"""Gradient boosting by XGBoost (Chen and Guestrin, KDD 2016); needs the extra ``boosting``."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.train.boosting import module_of, of_each_class
from tasks.train.classifiers import Classifier

FILE = "classifier.ubj"


class XGBoost(Classifier):
    """Trees that each mend the errors of those before, by gradients and curvatures of the cross-entropy."""

    name: Literal["xgboost"] = "xgboost"
    trees: int = Field(200, ge=1, le=10_000, description="Rounds; with more than two classes each makes K trees.")
    learning_rate: float = Field(0.1, gt=0, le=1, description="Share of the step that each tree makes.")
    depth: int = Field(4, ge=1, le=30, description="Of a tree.")
    min_curvature: float = Field(
        0.1, ge=0, le=1e6, description="Least curvature in a leaf; a row has at most half, less once it is sure."
    )
    row_share: float = Field(0.8, gt=0, le=1, description="Of the rows, drawn for each tree.")
    feature_share: float = Field(0.3, gt=0, le=1, description="Of the features, drawn for each tree.")

    def needed(self) -> tuple[str, ...]:
        """See `Classifier`: the package without GPU code, or the one with it."""
        try:
            version("xgboost-cpu")
        except PackageNotFoundError:
            return ("xgboost",)
        return ("xgboost-cpu",)

    def fit(
        self, values: NDArray[np.float32], targets: NDArray[np.int64], weights: NDArray[np.float64], seed: int
    ) -> Any:
        """See `Classifier`."""
        xgboost = module_of("xgboost")
        classes = int(targets.max()) + 1
        several = {"objective": "multi:softprob", "num_class": classes}
        settings = (several if classes > 2 else {"objective": "binary:logistic"}) | {
            "eta": self.learning_rate,
            "max_depth": self.depth,
            "min_child_weight": self.min_curvature,
            "subsample": self.row_share,
            "colsample_bytree": self.feature_share,
            "tree_method": "hist",
            "nthread": 1,
            "seed": seed,
            "verbosity": 0,
        }
        return xgboost.train(settings, xgboost.DMatrix(values, targets, weight=weights, nthread=1), self.trees)

    def probabilities(self, fitted: Any, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """See `Classifier`."""
        return of_each_class(fitted.inplace_predict(values))

    def save(self, fitted: Any, folder: Path) -> None:
        """See `Classifier`; XGBoost's own format, a binary JSON."""
        (folder / FILE).write_bytes(fitted.save_raw("ubj"))

    def load(self, folder: Path) -> Any:
        """See `Classifier`."""
        fitted = module_of("xgboost").Booster({"nthread": 1})
        fitted.load_model(bytearray((folder / FILE).read_bytes()))
        return fitted
