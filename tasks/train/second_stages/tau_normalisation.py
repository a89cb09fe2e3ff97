"""Tau-normalisation: classes that many rows pulled at have longer weights, and lose that (Kang et al. 2020)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.train.second_stages import Classifier, SecondStage

if TYPE_CHECKING:
    from tasks.train.rows import Rows

TRIED = np.arange(41) / 20  # values of tau


class TauNormalisation(SecondStage):
    """``w_c / ||w_c||^tau`` without biases; no weight is trained. The prior is taken to be uniform from then on."""

    name: Literal["tau_normalisation"] = "tau_normalisation"
    changes: ClassVar[Literal["nothing", "classifier", "network"]] = "classifier"
    needs_linear: ClassVar[bool] = True
    tau: Literal["tuned"] | Annotated[float, Field(ge=0, le=10)] = Field(
        "tuned",
        description="0 takes the biases only, 1 makes all weights equally long; tuned: of 0 to 2 the least that gives "
        "the highest balanced accuracy on the rows that were learnt from.",
    )

    def refit(self, found: Classifier, features: NDArray[np.float32], rows: Rows, seed: int) -> Classifier:
        """See `SecondStage`; a class whose weights are all 0 keeps them."""
        tau = _tuned(found.weight, features, rows) if self.tau == "tuned" else self.tau
        uniform = np.full(len(found.weight), 1 / len(found.weight))
        return Classifier(_normalised(found.weight, tau), np.zeros_like(found.bias), uniform)


def _normalised(weight: NDArray[np.float32], tau: float) -> NDArray[np.float32]:
    lengths = np.linalg.norm(weight.astype(np.float64), axis=1, keepdims=True)
    scaled: NDArray[np.float32] = (weight / np.where(lengths > 0, lengths, 1.0) ** tau).astype(np.float32)
    return scaled


def _tuned(weight: NDArray[np.float32], features: NDArray[np.float32], rows: Rows) -> float:
    from tasks.train.recalls import recalls

    reached = [np.nanmean(recalls(rows, features @ _normalised(weight, tau).T)) for tau in TRIED]
    return float(TRIED[int(np.argmax(reached))])
