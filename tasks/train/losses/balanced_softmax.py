"""Balanced softmax: class counts stand in the softmax of training, not in that of predictions (Ren et al. 2020)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from tasks.train.losses import Loss

if TYPE_CHECKING:
    from torch import Tensor


class BalancedSoftmax(Loss):
    """``-log`` of the softmax of ``z + log n`` at the true class; predictions take the plain `z`.

    It is `logit_adjusted` with ``tau: 1``, where ``log pi`` differs from ``log n`` by a number that all classes share.
    """

    name: Literal["balanced_softmax"] = "balanced_softmax"

    def unweighted(self, logits: Tensor, targets: Tensor, counts: Tensor) -> Tensor:
        """See `Loss`."""
        from torch.nn.functional import cross_entropy

        return cross_entropy(logits + counts.to(logits.dtype).log(), targets, reduction="none")

    def prior(self, counts: NDArray[np.float64], weighing: float = 1.0) -> NDArray[np.float64]:
        """Uniform: what the counts explain needs not be learnt."""
        return np.full(len(counts), 1 / len(counts))
