"""No loss: for families that minimise none, such as forests and class means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from tasks.train.losses import Loss

if TYPE_CHECKING:
    from torch import Tensor


class NoLoss(Loss):
    """Nothing is minimised."""

    name: Literal["none"] = "none"

    def per_image(self, logits: Tensor, targets: Tensor, counts: Tensor) -> Tensor:
        """Refused: a family that asks for a loss needs another one."""
        raise TypeError("the loss none has no value; choose one that has")

    def prior(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """The classes' shares of the rows."""
        shares: NDArray[np.float64] = counts / counts.sum()
        return shares
