"""Label-aware smoothing: the commoner a class, the less sure its labels are taken to be (Zhong et al. 2021, MiSLAS)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from tasks.train.losses import Loss

if TYPE_CHECKING:
    from torch import Tensor


class LabelAwareSmoothing(Loss):
    """``-(1 - e_y) log p_y - e_y / (K - 1) sum_{j != y} log p_j``, with the softmax of the logits.

    ``e_c = e_K + (e_1 - e_K) sin((n_c - n_K) pi / (2 (n_1 - n_K)))``, where 1 is the commonest class and K the rarest;
    ``e_K`` for all where all are as common. So the model learns ``P(c | x)`` smoothed alike, and of it the prior
    ``pi_c (1 - e_c) + sum_{j != c} pi_j e_j / (K - 1)``.
    """

    name: Literal["label_aware_smoothing"] = "label_aware_smoothing"
    head: float = Field(0.4, ge=0, lt=1, description="e_1: the share of the commonest class's label given to others.")
    tail: float = Field(0.1, ge=0, lt=1, description="e_K: that of the rarest class's.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.tail > self.head:
            raise ValueError(f"tail {self.tail:g} is above head {self.head:g}: common classes are smoothed more")
        return self

    def smoothing(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """The share of each class's label that the others get, shape (K,), for positive `counts` of shape (K,)."""
        above = counts - counts.min()
        shares: NDArray[np.float64] = above / max(above.max(), np.finfo(np.float64).tiny)
        smoothed: NDArray[np.float64] = self.tail + (self.head - self.tail) * np.sin(shares * np.pi / 2)
        return smoothed

    def unweighted(self, logits: Tensor, targets: Tensor, counts: Tensor) -> Tensor:
        """See `Loss`."""
        log_p = logits.log_softmax(1)
        of_label = log_p.gather(1, targets[:, None])[:, 0]
        smoothed = logits.new_tensor(self.smoothing(counts.double().numpy()))[targets]
        others = log_p.sum(1) - of_label
        return -(1 - smoothed) * of_label - smoothed / (logits.shape[1] - 1) * others

    def prior(self, counts: NDArray[np.float64], weighing: float = 1.0) -> NDArray[np.float64]:
        """See the class."""
        shares = counts / counts.sum()
        given = shares * self.smoothing(counts)
        learnt: NDArray[np.float64] = shares - given + (given.sum() - given) / (len(counts) - 1)
        return learnt
