"""Nearest class mean: an image goes to the class whose mean feature vector is the most similar; nothing is optimised.

Means of few images are less biased towards common classes than the weights of a classifier (Kang et al., Decoupling
Representation and Classifier for Long-Tailed Recognition, ICLR 2020, who call it NCM).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.scores import Scores
from tasks.statistics.scaling import unit_vectors
from tasks.train.families import Components, Family, Fitted, Log
from tasks.train.safe_arrays import read_arrays, write_arrays

if TYPE_CHECKING:
    from torch import nn

    from tasks.inputs import Inputs
    from tasks.train.rows import Rows

ARRAYS = "means.safetensors"


class NearestClassMean(Family):
    """Cosine similarity to the mean of a class's unit vectors, times `scale`.

    The mean is taken of vectors less the mean of all training rows. Every class counts alike, so the prior is uniform.
    """

    name: Literal["nearest_class_mean"] = "nearest_class_mean"
    takes: ClassVar[frozenset[str]] = frozenset({"sampler"})
    packages: ClassVar[tuple[str, ...]] = ("safetensors",)
    is_network: ClassVar[bool] = True
    compares: ClassVar[bool] = True
    scale: float = Field(10.0, gt=0, le=1000, description="Factor of the similarities: larger is surer of itself.")

    def fit(
        self, rows: Rows, inputs: Inputs, components: Components, seed: int, fold: int | None, log: Log
    ) -> NearestMeans:
        """See `Family`; soft labels and the sampler's draws weigh the rows of a mean."""
        from tasks.train.made_rows import with_made_rows

        values, rows = with_made_rows(inputs.features(self.backbone, fold), rows, components.sampler, seed, log)
        weights = rows.weights(components.sampler)
        centre = np.average(values.astype(np.float64), axis=0, weights=weights)
        units = unit_vectors(values - centre)
        labels = np.zeros((len(rows), len(rows.classes)))
        labels[np.arange(len(rows)), rows.first] += rows.share
        labels[np.arange(len(rows)), rows.second] += 1 - rows.share
        means = unit_vectors((labels * weights[:, None]).T @ units)
        prior = np.full(len(rows.classes), 1 / len(rows.classes))
        arrays = {"centre": centre.astype(np.float32), "means": (self.scale * means).astype(np.float32)}
        return NearestMeans(self.backbone, fold, prior, arrays)

    def load(self, folder: Path, prior: NDArray[np.float64], fold: int | None) -> NearestMeans:
        """See `Family`."""
        return NearestMeans(self.backbone, fold, prior, read_arrays(folder / ARRAYS))


@dataclass(frozen=True)
class NearestMeans(Fitted):
    """Class means; `arrays` holds ``centre``, shape (d,), and ``means``, shape (K, d), of length `scale`."""

    backbone: str
    fold: int | None
    prior: NDArray[np.float64]
    arrays: dict[str, NDArray[np.float32]]

    def predict(self, inputs: Inputs) -> Scores:
        """Logits; see `Fitted`."""
        means = self.arrays["means"].T.astype(np.float64)
        return Scores("logit", self.directions(inputs) @ means, self.prior)

    def directions(self, inputs: Inputs) -> NDArray[np.float64]:
        """See `Fitted`."""
        return unit_vectors(inputs.features(self.backbone, self.fold).astype(np.float64) - self.arrays["centre"])

    def with_class(self, inputs: Inputs) -> NearestMeans:
        """See `Fitted`."""
        means = self.arrays["means"]
        more = np.linalg.norm(means, axis=1).max() * unit_vectors(self.directions(inputs).mean(axis=0, keepdims=True))
        joined = np.concatenate([means, more.astype(np.float32)])
        return NearestMeans(
            self.backbone, self.fold, np.full(len(joined), 1 / len(joined)), {**self.arrays, "means": joined}
        )

    def save(self, folder: Path) -> None:
        """See `Fitted`; safetensors."""
        write_arrays(self.arrays, folder / ARRAYS)

    def module(self) -> nn.Module:
        """See `Fitted`."""
        from torch import nn

        from tasks.train.layers import Directions, linear

        return nn.Sequential(Directions(self.arrays["centre"]), linear(self.arrays["means"]))
