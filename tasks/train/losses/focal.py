"""Focal loss: images that are already classified well count less (Lin et al. 2017)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.train.losses import Loss, balanced_weights

if TYPE_CHECKING:
    from torch import Tensor


class Focal(Loss):
    """``-a_y (1 - p_y)^gamma log p_y``, with `p` the softmax of the logits, which no weight enters.

    The prior is ``pi_c a_c``, normalised: focusing shifts confidence, and is taken to leave the prior as it is.
    """

    name: Literal["focal"] = "focal"
    gamma: float = Field(2.0, ge=0, le=10, description="How fast easy images lose weight; 0 is cross-entropy.")
    alpha: Literal["none", "balanced"] = Field("none", description="Weight a class: none, or N / (K n_c).")

    @property
    def weighs(self) -> bool:
        """See `Loss`."""
        return self.alpha != "none"

    def class_weights(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """See `Loss`."""
        return balanced_weights(counts) if self.alpha == "balanced" else np.ones_like(counts)

    def unweighted(self, logits: Tensor, targets: Tensor, counts: Tensor) -> Tensor:
        """See `Loss`."""
        from torch.nn.functional import cross_entropy

        log_p = -cross_entropy(logits, targets, reduction="none")
        miss = (1 - log_p.exp()).clamp_min(1e-30)  # the gradient of its power stays finite where p is 1
        return miss**self.gamma * -log_p
