"""Classical classifiers of scikit-learn on frozen features."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.registry import OneOf
from tasks.scores import Kind, Scores
from tasks.train.classifiers import Classifier
from tasks.train.classifiers.random_forest import RandomForest
from tasks.train.families import Components, Family, Fitted, Log

if TYPE_CHECKING:
    from tasks.inputs import Inputs
    from tasks.train.rows import Rows

FILE = "classifier.skops"
LEAST = 1e-6  # a probability below it counts as this, so that its logarithm is finite


class Classical(Family):
    """A classifier that weighs rows as the sampler would draw them; a mixed row counts for both of its classes."""

    name: Literal["classical"] = "classical"
    score: ClassVar[Kind] = "log_probability"
    takes: ClassVar[frozenset[str]] = frozenset({"sampler"})
    packages: ClassVar[tuple[str, ...]] = ("scikit-learn", "skops")
    classifier: Annotated[Classifier, OneOf()] = Field(
        default=RandomForest.model_validate({"name": "random_forest"}), description="The classifier, with its settings."
    )

    def fit(
        self, rows: Rows, inputs: Inputs, components: Components, seed: int, fold: int | None, log: Log
    ) -> FittedClassifier:
        """See `Family`."""
        from tasks.train.made_rows import with_made_rows

        values, rows = with_made_rows(inputs.features(self.backbone, fold), rows, components.sampler, seed, log)
        weights = rows.weights(components.sampler)
        mixed = np.flatnonzero(rows.share < 1)
        classifier = self.classifier.make(seed)
        classifier.fit(
            np.concatenate([values, values[mixed]]),
            np.concatenate([rows.first, rows.second[mixed]]),
            sample_weight=np.concatenate([weights * rows.share, weights[mixed] * (1 - rows.share[mixed])]),
        )
        prior = components.loss.prior(rows.drawn(components.sampler))
        return FittedClassifier(self.backbone, fold, prior, classifier)

    def load(self, folder: Path, prior: NDArray[np.float64], fold: int | None) -> FittedClassifier:
        """See `Family`."""
        from skops.io import load

        classifier = load(folder / FILE, trusted=list(self.classifier.trusted))
        return FittedClassifier(self.backbone, fold, prior, classifier)


@dataclass(frozen=True)
class FittedClassifier(Fitted):
    """A fitted classifier of scikit-learn, which knows every class."""

    backbone: str
    fold: int | None
    prior: NDArray[np.float64]
    classifier: Any

    def predict(self, inputs: Inputs) -> Scores:
        """Log-probabilities; see `Fitted`."""
        shares = self.classifier.predict_proba(inputs.features(self.backbone, self.fold)).astype(np.float64)
        return Scores("log_probability", np.log(np.maximum(shares, LEAST)), self.prior)

    def save(self, folder: Path) -> None:
        """See `Fitted`; skops."""
        from skops.io import dumps

        from tasks.train.skops_bytes import canonical

        (folder / FILE).write_bytes(canonical(dumps(self.classifier)))
