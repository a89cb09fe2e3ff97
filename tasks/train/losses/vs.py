"""Vector-scaling loss: additive and multiplicative adjustments of logits in one (Kini et al. 2021)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.train.losses import Loss, power_prior

if TYPE_CHECKING:
    from torch import Tensor


class VectorScaling(Loss):
    """``-log`` of the softmax of ``Delta_c z_c + tau log pi_c`` at the true class, ``Delta_c = (n_c / n_max)^gamma``.

    Predictions take the plain `z`. The additive part moves the prior, early in training; the multiplicative one makes
    margins of rare classes larger once all training rows are classified rightly, and is taken to leave the prior. So
    that is ``pi^(1 - tau)``, normalised, as of `logit_adjusted`, which this is for ``gamma: 0``.
    """

    name: Literal["vs"] = "vs"
    gamma: float = Field(0.15, ge=0, le=2, description="Of the factors (n_c / n_max)^gamma; 0: all 1.")
    tau: float = Field(1.0, ge=0, le=5, description="Of the summands tau log pi_c; 0: none.")

    def unweighted(self, logits: Tensor, targets: Tensor, counts: Tensor) -> Tensor:
        """See `Loss`."""
        from torch.nn.functional import cross_entropy

        factors = ((counts / counts.max()) ** self.gamma).to(logits.dtype)
        shares = (counts / counts.sum()).to(logits.dtype)
        return cross_entropy(factors * logits + self.tau * shares.log(), targets, reduction="none")

    def prior(self, counts: NDArray[np.float64], weighing: float = 1.0) -> NDArray[np.float64]:
        """See the class."""
        return power_prior(counts, 1 - self.tau)

    def start(self, counts: NDArray[np.float64], weighing: float = 1.0) -> NDArray[np.float64]:
        """``(1 - tau) log pi``: not any multiple of the prior will do, since factors differ; 0 for ``tau: 1``."""
        logs: NDArray[np.float64] = (1 - self.tau) * np.log(counts / counts.sum())
        return logs
