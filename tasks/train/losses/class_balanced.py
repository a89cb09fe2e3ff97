"""Class-balanced loss: any of three losses, weighed by the effective number of rows of the class (Cui et al. 2019)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from tasks.registry import refuse_unread
from tasks.train.losses import Loss, effective_number_weights, weighted_prior
from tasks.train.sigmoids import blind_outputs, focused, normalised

if TYPE_CHECKING:
    from torch import Tensor


class ClassBalanced(Loss):
    """``w_y L(z, y)``, ``w_c = (1 - b) / (1 - b^n_c)``, scaled so that the weights sum to K.

    `base` says what L is: ``softmax``: ``-log p_y``; ``sigmoid``: ``-log s_y - sum_{j != y} log(1 - s_j)``; ``focal``:
    the same with each term multiplied by ``(1 - t)^gamma``, where t is the sigmoid of the right answer (the authors'
    focal loss is a sigmoid's). The weight is that of the image's class in all K terms.

    The prior is ``pi_c w_c``, normalised. Focusing draws sigmoids to one half, so with ``focal`` it is what a model
    that sees nothing learns, normalised: flatter than the classes' shares.
    """

    name: Literal["class_balanced"] = "class_balanced"
    beta: float = Field(0.999, ge=0, lt=1, description="Near 0 no weighting, near 1 balanced; should follow n_c.")
    base: Literal["softmax", "sigmoid", "focal"] = Field("softmax", description="The loss that is weighed.")
    gamma: float = Field(1.0, ge=0, le=10, description="Of focal: how fast easy answers lose weight.")

    @model_validator(mode="after")
    def _all_are_read(self) -> Self:
        refuse_unread(self, "gamma", "base: focal", self.base == "focal")
        return self

    @property
    def one_vs_rest(self) -> bool:
        """See `Loss`."""
        return self.base != "softmax"

    @property
    def weighs(self) -> bool:
        """See `Loss`."""
        return self.beta > 0

    def class_weights(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """See `Loss`."""
        return effective_number_weights(counts, self.beta)

    def unweighted(self, logits: Tensor, targets: Tensor, counts: Tensor) -> Tensor:
        """See `Loss`."""
        from torch.nn.functional import cross_entropy

        if self.base == "softmax":
            return cross_entropy(logits, targets, reduction="none")
        return focused(logits, targets, self._gammas)

    def prior(self, counts: NDArray[np.float64], weighing: float = 1.0) -> NDArray[np.float64]:
        """See the class."""
        return normalised(self.start(counts, weighing)) if self.one_vs_rest else super().prior(counts, weighing)

    def start(self, counts: NDArray[np.float64], weighing: float = 1.0) -> NDArray[np.float64]:
        """See `Loss`."""
        shares = weighted_prior(counts, self.weights_in_effect(counts, weighing))
        return blind_outputs(shares, self._gammas) if self.one_vs_rest else np.log(shares)

    @property
    def _gammas(self) -> tuple[float, float]:
        return (self.gamma, self.gamma) if self.base == "focal" else (0.0, 0.0)
