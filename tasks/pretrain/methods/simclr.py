"""SimCLR: two views of an image are to be more alike than views of different images.

Chen, Kornblith, Norouzi and Hinton, A Simple Framework for Contrastive Learning of Visual Representations, ICML 2020.
Left out of its augmentation are the change of hue and, as in its experiments on small images, the blur.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from tasks.pretrain.methods import Method

if TYPE_CHECKING:
    from torch import Tensor, nn


class SimClr(Method):
    """NT-Xent, the normalised temperature-scaled cross-entropy, behind a projection of two layers."""

    name: Literal["simclr"] = "simclr"
    temperature: float = Field(0.5, gt=0, le=100, description="By which cosines are divided.")
    projected: int = Field(128, ge=2, le=8192, description="Numbers that the projection makes of an image.")

    def projection(self, channels: int) -> nn.Module:
        """See `Method`."""
        from torch import nn

        return nn.Sequential(nn.Linear(channels, channels), nn.ReLU(), nn.Linear(channels, self.projected))

    def loss(self, one: Tensor, other: Tensor) -> Tensor:
        """The mean over an image's two views of the cross-entropy with which each finds the other.

        Among the views of a batch, 2 n - 1 for each view i, the other one of its image, j, is found by
        ``-log(exp(s_ij / t) / sum_{k != i} exp(s_ik / t))``, where s are cosines and t is `temperature`.
        """
        import torch
        from torch.nn.functional import cross_entropy, normalize

        number = len(one)
        views = normalize(torch.cat([one, other]), dim=1)
        cosines = views @ views.T / self.temperature
        cosines = cosines.masked_fill(torch.eye(2 * number, dtype=torch.bool), -torch.inf)
        wanted = torch.arange(2 * number).roll(number)
        each: Tensor = cross_entropy(cosines, wanted, reduction="none")
        return each.reshape(2, number).mean(0)
