"""The U-Net over patches that `tasks.synthesize.networks.patches` describes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from tasks.synthesize.diffusing.knowing import Knowing
from tasks.synthesize.maps import laid_out

GROUPS = 8  # of channels that are normalised together
TOLD = 2  # how many times as many numbers a block is told as the widest maps have channels


class UNet(nn.Module):
    """Maps go down to the smallest size and up again, and each size has a way around.

    Parameters
    ----------
    patch
        Pixels a side of a patch.
    channels
        Of the images.
    widths
        Channels at each size, the largest maps first.
    blocks
        At each size, on the way down and up; at the smallest once, and one more.
    classes, changes
        See `Knowing`.
    """

    def __init__(
        self, patch: int, channels: int, widths: Sequence[int], blocks: int, classes: int, changes: int
    ) -> None:
        super().__init__()
        self.patch, told = patch, TOLD * widths[0]
        self.knowing = Knowing(told, classes, changes)
        self.into = nn.Conv2d(channels * patch**2, widths[0], 3, padding=1)
        pairs = list(pairwise(widths))
        self.down = nn.ModuleList(Blocks(wide, blocks, told) for wide in widths[:-1])
        self.smaller = nn.ModuleList(nn.Conv2d(4 * wide, below, 1) for wide, below in pairs)
        self.middle = Blocks(widths[-1], blocks + 1, told)
        self.larger = nn.ModuleList(nn.Conv2d(below, 4 * wide, 1) for wide, below in reversed(pairs))
        self.up = nn.ModuleList(Blocks(wide, blocks, told) for wide in reversed(widths[:-1]))
        self.norm = nn.GroupNorm(GROUPS, widths[0])
        self.out = nn.Conv2d(widths[0], channels * patch**2, 3, padding=1)
        nn.init.zeros_(self.out.weight)

    def forward(self, images: Tensor, noise: Tensor, labels: Tensor, changes: Tensor) -> Tensor:
        """See `Denoiser.build`."""
        told = functional.silu(self.knowing(noise, labels, changes))
        maps = self.into(laid_out(functional.pixel_unshuffle(images, self.patch)))
        around = []
        for down, smaller in zip(self.down, self.smaller, strict=True):
            maps = down(maps, told)
            around.append(maps)
            maps = smaller(laid_out(functional.pixel_unshuffle(maps, 2)))
        maps = self.middle(maps, told)
        for up, larger in zip(self.up, self.larger, strict=True):
            maps = around.pop() + laid_out(functional.pixel_shuffle(larger(maps), 2))
            maps = up(maps, told)
        return functional.pixel_shuffle(self.out(functional.silu(self.norm(maps))), self.patch)


class Blocks(nn.Module):
    """Some of them, one after the other."""

    def __init__(self, width: int, number: int, told: int) -> None:
        super().__init__()
        self.each = nn.ModuleList(Block(width, told) for _ in range(number))

    def forward(self, maps: Tensor, told: Tensor) -> Tensor:
        """See `Block`."""
        for block in self.each:
            maps = block(maps, told)
        return maps


class Block(nn.Module):
    """Two convolutions beside a way around; between them the maps are scaled and shifted by what is told."""

    def __init__(self, width: int, told: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, width)
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.told = nn.Linear(told, 2 * width)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        for begins_at_nothing in (*self.told.parameters(), *self.second.parameters()):
            nn.init.zeros_(begins_at_nothing)

    def forward(self, maps: Tensor, told: Tensor) -> Tensor:
        """Maps (n, width, y, x) and what is told (n, t)."""
        scale, shift = self.told(told)[:, :, None, None].chunk(2, dim=1)
        inner = self.first(functional.silu(self.norm(maps)))
        made: Tensor = maps + self.second(functional.silu(torch.addcmul(inner + shift, inner, scale)))
        return made
