"""Focal loss: images that are already classified well count less (Lin et al. 2017)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.train.losses import Loss, balanced_weights, weighted_prior

if TYPE_CHECKING:
    from torch import Tensor


class Focal(Loss):
    """``-a_y (1 - p_y)^gamma log p_y``, with `p` the softmax of the logits, which no weight enters."""

    name: Literal["focal"] = "focal"
    gamma: float = Field(2.0, ge=0, le=10, description="How fast easy images lose weight; 0 is cross-entropy.")
    alpha: Literal["none", "balanced"] = Field("none", description="Weight a class: none, or N / (K n_c).")

    def class_weights(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """The weight of every class, shape (K,); `counts` has shape (K,) and is positive."""
        return balanced_weights(counts) if self.alpha == "balanced" else np.ones_like(counts)

    def per_image(self, logits: Tensor, targets: Tensor, counts: Tensor) -> Tensor:
        """See `Loss`."""
        from torch.nn.functional import cross_entropy

        log_p = -cross_entropy(logits, targets, reduction="none")
        miss = (1 - log_p.exp()).clamp_min(1e-30)  # the gradient of its power stays finite where p is 1
        weights = logits.new_tensor(self.class_weights(counts.double().numpy()))
        return weights[targets] * miss**self.gamma * -log_p

    def prior(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """``pi_c a_c``, normalised: focusing shifts confidence, and is taken to leave the prior as it is."""
        return weighted_prior(counts, self.class_weights(counts))
