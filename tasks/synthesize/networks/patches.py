"""A U-Net over patches: what is beside one another in an image becomes channels first, so that its maps are small.

On a processor the time of a convolution goes with the places of its maps; a quarter of them lets the same time see
about four times as many images (Shi et al. 2016 for the rearrangement, both ways; Hoogeboom et al. 2023 and Karras et
al. 2024 for networks of diffusion that begin so). Blocks are residual, with group normalisation, told of noise, class
and changes by a scale and a shift a channel (Perez et al. 2018; Dhariwal and Nichol 2021).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from tasks.synthesize.networks import Denoiser

if TYPE_CHECKING:
    from torch import nn

SMALLEST = 8  # no map of more places a side is halved no further


class Patches(Denoiser):
    """Settings of the U-Net over patches."""

    name: Literal["patches"] = "patches"
    patch: Literal[1, 2, 4, 8] = Field(2, description="Pixels a side of a patch.")
    width: int = Field(
        64, ge=8, le=1024, multiple_of=8, description="Channels of the widest maps; twice as many below."
    )
    blocks: int = Field(2, ge=1, le=16, description="Blocks at each size, on the way down and on the way up.")

    @property
    def multiple(self) -> int:
        """See `Denoiser`."""
        return 2 * self.patch

    def build(self, side: int, channels: int, classes: int, changes: int) -> nn.Module:
        """See `Denoiser`."""
        from tasks.synthesize.diffusing.unet import UNet

        widths, places = [self.width], side // self.patch
        while places > SMALLEST and places % 2 == 0:
            widths.append(2 * self.width)
            places //= 2
        return UNet(self.patch, channels, widths, self.blocks, classes, changes)
