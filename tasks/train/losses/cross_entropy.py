"""Plain cross-entropy: the baseline, and what post-hoc logit adjustment builds on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tasks.train.losses import Loss

if TYPE_CHECKING:
    from torch import Tensor


class CrossEntropy(Loss):
    """``-log p_y`` with the softmax of the logits."""

    name: Literal["cross_entropy"] = "cross_entropy"

    def unweighted(self, logits: Tensor, targets: Tensor, counts: Tensor) -> Tensor:
        """See `Loss`; the counts play no part."""
        from torch.nn.functional import cross_entropy

        return cross_entropy(logits, targets, reduction="none")
