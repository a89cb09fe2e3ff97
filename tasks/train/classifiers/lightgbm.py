"""Gradient boosting by LightGBM (Ke et al., NeurIPS 2017); needs the extra ``boosting``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.train.boosting import module_of, of_each_class
from tasks.train.classifiers import Classifier

FILE = "classifier.txt"


class LightGBM(Classifier):
    """Trees that each mend the errors of those before, grown leaf by leaf where it helps most."""

    name: Literal["lightgbm"] = "lightgbm"
    packages: ClassVar[tuple[str, ...]] = ("lightgbm",)
    trees: int = Field(200, ge=1, le=10_000, description="Rounds; with more than two classes each makes K trees.")
    learning_rate: float = Field(0.1, gt=0, le=1, description="Share of the step that each tree makes.")
    leaves: int = Field(15, ge=2, le=10_000, description="Of a tree.")
    min_leaf: int = Field(3, ge=1, le=10_000, description="Fewest rows in a leaf; more make smoother probabilities.")
    row_share: float = Field(0.8, gt=0, le=1, description="Of the rows, drawn for each tree.")
    feature_share: float = Field(0.3, gt=0, le=1, description="Of the features, drawn for each tree.")

    def fit(
        self, values: NDArray[np.float32], targets: NDArray[np.int64], weights: NDArray[np.float64], seed: int
    ) -> Any:
        """See `Classifier`."""
        lightgbm = module_of("lightgbm")
        classes = int(targets.max()) + 1
        several = {"objective": "multiclass", "num_class": classes}
        settings = (several if classes > 2 else {"objective": "binary"}) | {
            "learning_rate": self.learning_rate,
            "num_leaves": self.leaves,
            "min_data_in_leaf": self.min_leaf,
            "min_data_in_bin": 1,
            "bagging_fraction": self.row_share,
            "bagging_freq": 1,
            "feature_fraction": self.feature_share,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "seed": seed,
            "verbosity": -1,
        }
        return lightgbm.train(settings, lightgbm.Dataset(values, targets, weight=weights), self.trees)

    def probabilities(self, fitted: Any, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """See `Classifier`."""
        return of_each_class(fitted.predict(values, num_threads=1))

    def save(self, fitted: Any, folder: Path) -> None:
        """See `Classifier`; LightGBM's own text."""
        (folder / FILE).write_text(fitted.model_to_string(), encoding="utf-8")

    def load(self, folder: Path) -> Any:
        """See `Classifier`."""
        return module_of("lightgbm").Booster(model_str=(folder / FILE).read_text(encoding="utf-8"))
