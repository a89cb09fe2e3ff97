"""No loss: for families that minimise none, such as forests and class means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tasks.train.losses import Loss

if TYPE_CHECKING:
    from torch import Tensor


class NoLoss(Loss):
    """Nothing is minimised; the prior is the classes' shares of the rows."""

    name: Literal["none"] = "none"

    def unweighted(self, logits: Tensor, targets: Tensor, counts: Tensor) -> Tensor:
        """Refused: a family that asks for a loss needs another one."""
        raise TypeError("the loss none has no value; choose one that has")
