"""Logit adjustment while training: common classes must win by a margin (Menon et al. 2021)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.train.losses import Loss, power_prior

if TYPE_CHECKING:
    from torch import Tensor


class LogitAdjusted(Loss):
    """``-log`` of the softmax of ``z + tau log pi`` at the true class; predictions take the plain `z`.

    What the same authors do after training is the post-hoc rule `logit_adjustment`. Both together correct nothing
    twice: the prior that this leaves is ``pi^(1 - tau)``, normalised.
    """

    name: Literal["logit_adjusted"] = "logit_adjusted"
    tau: float = Field(1.0, ge=0, le=5, description="Strength: 0 is cross-entropy, 1 aims at balanced accuracy.")

    def unweighted(self, logits: Tensor, targets: Tensor, counts: Tensor) -> Tensor:
        """See `Loss`."""
        from torch.nn.functional import cross_entropy

        shares = (counts / counts.sum()).to(logits.dtype)
        return cross_entropy(logits + self.tau * shares.log(), targets, reduction="none")

    def prior(self, counts: NDArray[np.float64], weighing: float = 1.0) -> NDArray[np.float64]:
        """See the class."""
        return power_prior(counts, 1 - self.tau)
