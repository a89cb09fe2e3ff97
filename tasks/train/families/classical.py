"""Classical classifiers on feature vectors: support vectors, forests, boosting."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from tasks.registry import OneOf
from tasks.scores import Kind, Scores
from tasks.train.class_weights import Choice, weights_and_prior
from tasks.train.classifiers import Classifier
from tasks.train.classifiers.random_forest import RandomForest
from tasks.train.families import Components, Family, Fit, Fitted, Log

if TYPE_CHECKING:
    from tasks.inputs import Inputs
    from tasks.train.rows import Rows
    from tasks.train.samplers import Sampler

LEAST = 1e-6  # a probability below it counts as this, so that its logarithm is finite


class Classical(Family):
    """A classifier that weighs rows as the sampler would draw them; a mixed row counts for both of its classes."""

    name: Literal["classical"] = "classical"
    score: ClassVar[Kind] = "log_probability"
    takes: ClassVar[frozenset[str]] = frozenset({"sampler"})
    classifier: Annotated[Classifier, OneOf()] = Field(
        default=RandomForest.model_validate({"name": "random_forest"}), description="The classifier, with its settings."
    )
    class_weights: Choice = Field(
        "none",
        description=(
            "Of the rows as the sampler draws them: balanced is N / (K n_c); ratio is n_max / n_c, with two classes "
            "XGBoost's scale_pos_weight and LightGBM's is_unbalance."
        ),
    )

    @model_validator(mode="after")
    def _balances_once(self) -> Self:
        if self.classifier.balances and self.class_weights != "none":
            raise ValueError(
                f"classifier {self.classifier.name!r} draws as many rows of every class by itself, and class_weights: "
                f"{self.class_weights} would balance a second time; leave class_weights out, or choose a classifier "
                "that takes rows as they are (random_forest)"
            )
        return self

    def needed(self) -> tuple[str, ...]:
        """See `Family`."""
        return self.classifier.needed()

    def against(self, sampler: Sampler) -> str:
        """See `Family`."""
        counts = np.array([4.0, 1.0])
        if not self.classifier.balances or np.allclose(sampler.effective_counts(counts), counts):
            return ""
        return (
            f"would balance a second time: classifier {self.classifier.name!r} draws as many rows of every class by "
            "itself; write {name: natural}, or choose a classifier that takes rows as they are (random_forest)"
        )

    def against_mixed_rows(self) -> str:
        """See `Family`."""
        if not self.classifier.balances:
            return ""
        return f"with classifier {self.classifier.name!r} draws rows by class, and a row of two has no place there"

    def fit(
        self, rows: Rows, inputs: Inputs, components: Components, seed: int, fold: int | None, log: Log
    ) -> FittedClassifier:
        """See `Family`."""
        from tasks.train.made_rows import with_made_rows

        values, rows = with_made_rows(inputs.features(self.backbone, fold), rows, components.sampler, seed, log)
        counts = rows.drawn(components.sampler)
        of_class, prior = weights_and_prior(self.class_weights, counts)
        weights = rows.weights(components.sampler)
        mixed = np.flatnonzero(rows.share < 1)
        targets = np.concatenate([rows.first, rows.second[mixed]])
        weights = np.concatenate([weights * rows.share, weights[mixed] * (1 - rows.share[mixed])]) * of_class[targets]
        counted = weights > 0
        values, relatives = (np.concatenate([each, each[mixed]])[counted] for each in (values, rows.related))
        fitted = self.classifier.fit_apart(values, targets[counted], weights[counted], seed, relatives)
        if self.classifier.balances:
            prior = np.full(len(counts), 1 / len(counts))
        return FittedClassifier(self.backbone, fold, prior, self.classifier, fitted)

    def fit_all(self, fits: Iterable[Fit]) -> Iterator[Fitted]:
        """See `Family`; where nothing is left to chance, one fit does for all seeds of the same rows."""
        rows: Rows | None = None
        for one in fits:
            if self.classifier.has_chance or one.components.sampler.inputs == "features" or one.rows is not rows:
                fitted = self.fit(one.rows, one.inputs, one.components, one.seed, one.fold, one.log)
            rows = one.rows
            yield fitted

    def load(self, folder: Path, prior: NDArray[np.float64], fold: int | None) -> FittedClassifier:
        """See `Family`."""
        return FittedClassifier(self.backbone, fold, prior, self.classifier, self.classifier.load(folder))


@dataclass(frozen=True)
class FittedClassifier(Fitted):
    """A fitted classifier, which knows every class."""

    backbone: str
    fold: int | None
    prior: NDArray[np.float64]
    classifier: Classifier
    fitted: Any

    def predict(self, inputs: Inputs) -> Scores:
        """Log-probabilities; see `Fitted`."""
        values = inputs.features(self.backbone, self.fold)
        shares = self.classifier.probabilities(self.fitted, values) if len(values) else np.empty((0, len(self.prior)))
        return Scores("log_probability", np.log(np.maximum(shares, LEAST)), self.prior)

    def save(self, folder: Path) -> None:
        """See `Fitted`; in the classifier's own format."""
        self.classifier.save(self.fitted, folder)
