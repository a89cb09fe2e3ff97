"""diffusers' `UNet2DModel`, told of noise, class and changes as the project's own network is."""

from __future__ import annotations

from torch import Tensor, nn

from tasks.synthesize.diffusing.knowing import FASTEST, Knowing
from tasks.torchvision import mend_torchvision


class Stock(nn.Module):
    """Two halvings, with attention where the maps are smallest.

    Parameters
    ----------
    side, channels
        Of the images.
    width
        Channels of the widest maps.
    classes, changes
        See `Knowing`.
    """

    def __init__(self, side: int, channels: int, width: int, classes: int, changes: int) -> None:
        super().__init__()
        mend_torchvision()
        from diffusers.models.unets.unet_2d import UNet2DModel

        self.knowing = Knowing(4 * width, classes, changes)
        self.network = UNet2DModel(
            sample_size=side,
            in_channels=channels,
            out_channels=channels,
            layers_per_block=1,
            block_out_channels=(width, 2 * width, 2 * width),
            down_block_types=("DownBlock2D", "DownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
            attention_head_dim=8,
            norm_num_groups=8,
            class_embed_type="identity",  # what it is told comes as a vector
        )

    def forward(self, images: Tensor, noise: Tensor, labels: Tensor, changes: Tensor) -> Tensor:
        """See `Denoiser.build`."""
        told = self.knowing(noise, labels, changes)
        made: Tensor = self.network(images, noise * FASTEST, class_labels=told).sample
        return made
