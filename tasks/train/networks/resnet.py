"""Small residual networks from scratch, as for CIFAR-10 (He et al., Deep Residual Learning, CVPR 2016, section 4.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from tasks.train.networks import Network

if TYPE_CHECKING:
    from torch import nn

WIDTHS = (16, 32, 64)  # channels of the three stages


class ResNet(Network):
    """A 3 x 3 stem, three stages of 16, 32 and 64 channels, shortcuts without weights (option A): 6 n + 2 layers.

    75,000, 270,000 and 464,000 weights.
    """

    name: Literal["resnet"] = "resnet"
    depth: Literal[8, 20, 32] = Field(20, description="Layers with weights.")

    @property
    def channels(self) -> int:
        """See `Network`."""
        return WIDTHS[-1]

    @property
    def depth_in_stages(self) -> int:
        """Three; the stem belongs to the first."""
        return len(WIDTHS)

    def stages(self) -> nn.Sequential:
        """See `Network`; weights by He et al., ICCV 2015."""
        from tasks.train.finetuning.residual import residual_stages

        return residual_stages(WIDTHS, (self.depth - 2) // 6)

    def rebuilt(self, described: Mapping[str, Any]) -> nn.Sequential:
        """See `Network`."""
        return self.stages()
