"""Asymmetric loss: one class against the rest, where easy negatives lose their weight (Ridnik et al. 2021)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.train.losses import Loss
from tasks.train.sigmoids import blind_outputs, focused, normalised

if TYPE_CHECKING:
    from torch import Tensor


class Asymmetric(Loss):
    """``-(1 - s_y)^gamma_pos log s_y - sum_{j != y} t_j^gamma_neg log(1 - t_j)``, ``t_j = max(s_j - clip, 0)``.

    `s` are the sigmoids of the outputs. They say far more often yes than is true, the more so the rarer a class: what a
    model that sees nothing learns is found by search, and is, normalised, the prior.
    """

    name: Literal["asymmetric"] = "asymmetric"
    gamma_pos: float = Field(0.0, ge=0, le=10, description="How fast easy images lose weight in their own class.")
    gamma_neg: float = Field(4.0, ge=0, le=10, description="How fast easy images of other classes lose weight.")
    clip: float = Field(0.05, ge=0, le=0.5, description="Images of others with a sigmoid up to this weigh nothing.")

    @property
    def one_vs_rest(self) -> bool:
        """See `Loss`."""
        return True

    def unweighted(self, logits: Tensor, targets: Tensor, counts: Tensor) -> Tensor:
        """See `Loss`; the counts play no part."""
        return focused(logits, targets, (self.gamma_pos, self.gamma_neg), self.clip)

    def prior(self, counts: NDArray[np.float64], weighing: float = 1.0) -> NDArray[np.float64]:
        """See the class."""
        return normalised(self.start(counts, weighing))

    def start(self, counts: NDArray[np.float64], weighing: float = 1.0) -> NDArray[np.float64]:
        """See `Loss`."""
        return blind_outputs(counts / counts.sum(), (self.gamma_pos, self.gamma_neg), self.clip)
