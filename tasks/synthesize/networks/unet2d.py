"""The U-Net of diffusers, `UNet2DModel`, on whole pixels: the field's stock network, and several times slower."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from tasks.synthesize.networks import Denoiser

if TYPE_CHECKING:
    from torch import nn


class UNet2D(Denoiser):
    """Settings of `UNet2DModel`: two halvings, with attention where the maps are smallest."""

    name: Literal["unet2d"] = "unet2d"
    width: int = Field(
        32, ge=8, le=1024, multiple_of=8, description="Channels of the widest maps; twice as many below."
    )

    @property
    def multiple(self) -> int:
        """See `Denoiser`."""
        return 4

    def build(self, side: int, channels: int, classes: int, changes: int) -> nn.Module:
        """See `Denoiser`."""
        from tasks.synthesize.diffusing.stock import Stock

        return Stock(side, channels, self.width, classes, changes)
