"""Nearest class mean on what a network has learnt: means of few rows favour no class (Kang et al. 2020, NCM)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.statistics.scaling import unit_vectors
from tasks.train.second_stages import Classifier, SecondStage

if TYPE_CHECKING:
    from tasks.train.rows import Rows


class NearestMeans(SecondStage):
    """Cosines to the mean of each class's unit vectors, less the mean of all rows, times `scale`; the prior is uniform.

    The family of this name does the same on features that are there.
    """

    name: Literal["nearest_class_mean"] = "nearest_class_mean"
    changes: ClassVar[Literal["nothing", "classifier", "network"]] = "classifier"
    needs_features_below: ClassVar[bool] = True
    scale: float = Field(10.0, gt=0, le=1000, description="Factor of the similarities: larger is surer of itself.")

    def refit(self, found: Classifier, features: NDArray[np.float32], rows: Rows, seed: int) -> Classifier:
        """See `SecondStage`; a row of two classes counts for both by its shares."""
        values = features.astype(np.float64)
        centre = values.mean(axis=0)
        labels = np.zeros((len(rows), len(rows.classes)))
        labels[np.arange(len(rows)), rows.first] += rows.share
        labels[np.arange(len(rows)), rows.second] += 1 - rows.share
        means = self.scale * unit_vectors(labels.T @ unit_vectors(values - centre))
        uniform = np.full(len(means), 1 / len(means))
        return Classifier(means.astype(np.float32), np.zeros_like(found.bias), uniform, centre.astype(np.float32))
