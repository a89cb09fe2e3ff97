"""The supervised contrastive loss: of all images of a batch, those of its class are the likeliest to go with an image.

Khosla et al., Supervised Contrastive Learning, NeurIPS 2020, equation 2, the mean over positives outside the logarithm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from tasks.train.metric_losses import MetricLoss, mean_where

if TYPE_CHECKING:
    from torch import Tensor


class SupervisedContrastive(MetricLoss):
    """``-mean_p log(exp(a.p / temperature) / sum_o exp(a.o / temperature))``, `o` all but the anchor itself."""

    name: Literal["supervised_contrastive"] = "supervised_contrastive"
    temperature: float = Field(0.1, gt=0, le=10, description="Smaller looks harder at the most alike.")

    def of_batch(self, units: Tensor, targets: Tensor) -> Tensor:
        """See `MetricLoss`."""
        alike = units @ units.T / self.temperature
        positive = (targets[:, None] == targets).fill_diagonal_(False)
        others = alike.clone().fill_diagonal_(-float("inf")).logsumexp(1)
        positives = positive.sum(1)
        of_positives = (alike * positive).sum(1) / positives.clamp(min=1)
        return mean_where((others - of_positives).clamp(min=0), positives > 0)
