"""The triplet loss: an image lies nearer to one of its class than to one of another, by a margin.

Schroff, Kalenichenko and Philbin, FaceNet: a unified embedding for face recognition and clustering, CVPR 2015. Mined
among all triplets of a batch as they do, or as Hermans, Beyer and Leibe, In defense of the triplet loss for person
re-identification, arXiv 1703.07737, 2017.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from tasks.train.metric_losses import MetricLoss, mean_where

if TYPE_CHECKING:
    from torch import Tensor


class Triplet(MetricLoss):
    """``max(0, d(a, p) - d(a, n) + margin)``, with squared distances of unit vectors, which are 0 to 4.

    `batch_hard`: for each anchor its farthest positive and its nearest negative. `semi_hard`: for each anchor and each
    positive the nearest negative that is farther than the positive; a pair without one is left out.
    """

    name: Literal["triplet"] = "triplet"
    margin: float = Field(0.2, gt=0, le=4, description="By how much nearer, in squared distance.")
    mining: Literal["batch_hard", "semi_hard"] = Field("batch_hard", description="Which triplets of a batch count.")

    def of_batch(self, units: Tensor, targets: Tensor) -> Tensor:
        """See `MetricLoss`."""
        apart = (2 - 2 * units @ units.T).clamp(min=0)
        same = targets[:, None] == targets
        positive = same.clone().fill_diagonal_(False)
        negatives = apart.masked_fill(same, float("inf"))
        if self.mining == "batch_hard":
            far, near = apart.masked_fill(~positive, -float("inf")).amax(1), negatives.amin(1)
            found = positive.any(1) & ~same.all(1)
        else:
            far, ordered = apart, negatives.sort(dim=1).values
            # An anchor's own column is infinitely far, so that every place is one of the row's.
            near = ordered.gather(1, _places(ordered, far))
            found = positive & near.isfinite()
        return mean_where((far - near + self.margin).relu(), found)


def _places(ordered: Tensor, values: Tensor) -> Tensor:
    """In each row of `ordered`, which ascends, the place of the first number above each of `values`."""
    import torch

    return torch.searchsorted(ordered.detach(), values.detach(), right=True)
