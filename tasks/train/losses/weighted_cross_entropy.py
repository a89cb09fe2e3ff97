"""Cross-entropy with a weight a class: a mistake on a rare class costs more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from tasks.registry import refuse_unread
from tasks.train.losses import Loss, balanced_weights, effective_number_weights

if TYPE_CHECKING:
    from torch import Tensor


class WeightedCrossEntropy(Loss):
    """``-w_y log p_y``, with weights from the effective counts."""

    name: Literal["weighted_cross_entropy"] = "weighted_cross_entropy"
    weights: Literal["balanced", "inverse_sqrt", "inverse_power", "effective_number"] = Field(
        "balanced", description="How a class's weight follows from its count."
    )
    exponent: float = Field(1.0, ge=0, le=2, description="Of inverse_power: 0 no weighting, 1 as balanced.")
    beta: float = Field(0.999, ge=0, lt=1, description="Of effective_number: near 0 no weighting, near 1 balanced.")

    @model_validator(mode="after")
    def _all_are_read(self) -> Self:
        refuse_unread(self, "exponent", "weights: inverse_power", self.weights == "inverse_power")
        refuse_unread(self, "beta", "weights: effective_number", self.weights == "effective_number")
        return self

    @property
    def weighs(self) -> bool:
        """See `Loss`."""
        return {"inverse_power": self.exponent, "effective_number": self.beta}.get(self.weights, 1.0) > 0

    def class_weights(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """The weight of every class.

        Parameters
        ----------
        counts
            Shape (K,), positive.

        Returns
        -------
        ndarray
            Shape (K,). ``balanced``: ``N / (K n_c)``. ``inverse_sqrt``: ``(n_min / n_c)^0.5``, and ``inverse_power``:
            ``(n_min / n_c)^exponent`` (Zhang et al. 2021, Bag of tricks for long-tailed visual recognition).
            ``effective_number``: ``(1 - b) / (1 - b^n_c)``, scaled so that the weights sum to K (Cui et al. 2019).
        """
        if self.weights == "balanced":
            return balanced_weights(counts)
        if self.weights == "effective_number":
            return effective_number_weights(counts, self.beta)
        power = 0.5 if self.weights == "inverse_sqrt" else self.exponent
        inverse: NDArray[np.float64] = (counts.min() / counts) ** power
        return inverse

    def unweighted(self, logits: Tensor, targets: Tensor, counts: Tensor) -> Tensor:
        """See `Loss`."""
        from torch.nn.functional import cross_entropy

        return cross_entropy(logits, targets, reduction="none")
