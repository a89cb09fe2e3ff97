"""Tau-normalisation: classes that many rows pulled at have longer weights, and lose that (Kang et al. 2020)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.train.second_stages import Classifier, SecondStage

if TYPE_CHECKING:
    from tasks.train.rows import Rows


class TauNormalisation(SecondStage):
    """``w_c / ||w_c||^tau`` without biases; nothing is trained. The prior is taken to be uniform from then on."""

    name: Literal["tau_normalisation"] = "tau_normalisation"
    changes: ClassVar[Literal["nothing", "classifier", "network"]] = "classifier"
    tau: float = Field(1.0, ge=0, le=10, description="0 takes the biases only, 1 makes all weights equally long.")

    def refit(self, found: Classifier, features: NDArray[np.float32], rows: Rows, seed: int) -> Classifier:
        """See `SecondStage`; a class whose weights are all 0 keeps them."""
        lengths = np.linalg.norm(found.weight.astype(np.float64), axis=1, keepdims=True)
        weight = found.weight / np.where(lengths > 0, lengths, 1.0) ** self.tau
        uniform = np.full(len(weight), 1 / len(weight))
        return Classifier(weight.astype(np.float32), np.zeros_like(found.bias), uniform)
