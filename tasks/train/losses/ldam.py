"""Label-distribution-aware margins: the rarer a class, the wider the margin of its images (Cao et al. 2019)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from tasks.registry import refuse_unread
from tasks.train.losses import Loss, effective_number_weights

if TYPE_CHECKING:
    from torch import Tensor


class Ldam(Loss):
    """``-w_y log`` of the softmax of ``s (cos_y - m_y)`` and ``s cos_j`` at the true class, ``m_c ~ n_c^(-1/4)``.

    Outputs are cosines times the scale s already, so the family must have such a classifier and the same scale. With
    effective-number weights and a schedule that defers them it is the authors' LDAM-DRW. The prior is taken to be
    uniform, whatever the weights: cosines have no biases that could hold another one, and margins work against it.
    """

    name: Literal["ldam"] = "ldam"
    max_margin: float = Field(0.5, gt=0, le=1, description="M: the margin, in cosines, of the rarest class.")
    scale: float = Field(30.0, gt=0, le=1000, description="s: of the cosines, the same as the family's.")
    weights: Literal["none", "effective_number"] = Field(
        "none", description="How a class's weight follows from its count."
    )
    beta: float = Field(0.9999, ge=0, lt=1, description="Of effective_number: near 0 no weighting, near 1 balanced.")

    @model_validator(mode="after")
    def _all_are_read(self) -> Self:
        refuse_unread(self, "beta", "weights: effective_number", self.weights == "effective_number")
        return self

    @property
    def cosine_scale(self) -> float:
        """See `Loss`."""
        return self.scale

    @property
    def weighs(self) -> bool:
        """See `Loss`."""
        return self.weights != "none" and self.beta > 0

    def class_weights(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """See `Loss`."""
        return effective_number_weights(counts, self.beta) if self.weights != "none" else np.ones_like(counts)

    def margins(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """``M n_c^(-1/4) / max_j n_j^(-1/4)``, shape (K,), for positive `counts` of shape (K,)."""
        margins: NDArray[np.float64] = self.max_margin * (counts.min() / counts) ** 0.25
        return margins

    def unweighted(self, logits: Tensor, targets: Tensor, counts: Tensor) -> Tensor:
        """See `Loss`."""
        from torch.nn.functional import cross_entropy, one_hot

        margins = logits.new_tensor(self.scale * self.margins(counts.double().numpy()))
        return cross_entropy(logits - margins * one_hot(targets, logits.shape[1]), targets, reduction="none")

    def prior(self, counts: NDArray[np.float64], weighing: float = 1.0) -> NDArray[np.float64]:
        """See the class."""
        return np.full(len(counts), 1 / len(counts))

    def start(self, counts: NDArray[np.float64], weighing: float = 1.0) -> NDArray[np.float64]:
        """0: the authors' cosines have no biases, which could undo the margins."""
        return np.zeros_like(counts)
