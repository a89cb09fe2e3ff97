"""The generator and the discriminator: both over patches, so that their maps are small.

What is beside one another in an image becomes channels first, and last (Shi et al. 2016): on a processor the time of a
convolution goes with the places of its maps. The generator is that of StyleGAN2 in small (Karras et al. 2020): noise
and class become a style, which steers every convolution. The discriminator is residual, looks at how much the images of
a group differ (Karras et al. 2018, section 3) and knows the class by projection (Miyato and Koyama 2018).
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from tasks.synthesize.adversarial.layers import Conv, Linear, Styled, active
from tasks.synthesize.maps import laid_out

SMALLEST = 5  # no maps of so many places a side are halved
WIDEST = 4  # times the width, channels at most
TOLD = 128  # length of a style
TOGETHER = 4  # images of a group whose differences the discriminator sees


def sides(side: int, patch: int) -> list[int]:
    """Places a side of the maps, the largest first: halved, rounded up, down to 3 to 5."""
    found = [side // patch]
    while found[-1] > SMALLEST:
        found.append(-(-found[-1] // 2))
    return found


def widths(width: int, levels: int) -> list[int]:
    """Channels of the maps of each size."""
    return [width * min(2**level, WIDEST) for level in range(levels)]


class Maker(nn.Module):
    """Makes images, (n, channels, side, side), -1 to 1, of noise (n, noise) and classes (n,), int64."""

    def __init__(self, side: int, patch: int, channels: int, width: int, noise: int, classes: int) -> None:
        super().__init__()
        self.patch, self.sides = patch, sides(side, patch)
        wide = widths(width, len(self.sides))
        self.named = nn.Parameter(torch.randn(classes, noise))
        self.mapping = nn.ModuleList([Linear(2 * noise, TOLD), Linear(TOLD, TOLD)])
        self.start = Linear(TOLD, wide[-1] * self.sides[-1] ** 2)
        self.first = Styled(wide[-1], wide[-1], 3, TOLD)
        self.larger = nn.ModuleList(Larger(below, above) for above, below in reversed(list(pairwise(wide))))
        self.out = Styled(wide[0], channels * patch**2, 3, TOLD, steady=False)

    def forward(self, noise: Tensor, labels: Tensor) -> Tensor:
        """See the class."""
        return self.draw(self.style(noise, labels))

    def style(self, noise: Tensor, labels: Tensor) -> Tensor:
        """(n, `TOLD`), from noise and classes, both of length one a number."""
        values = torch.cat([_sized(noise), _sized(self.named[labels])], 1)
        for layer in self.mapping:
            values = active(layer(values))
        return values

    def draw(self, style: Tensor) -> Tensor:
        """Images of styles."""
        least = self.sides[-1]
        maps = laid_out(active(self.start(style)).reshape(len(style), -1, least, least))
        maps = active(self.first(maps, style))
        for larger, side in zip(self.larger, reversed(self.sides[:-1]), strict=True):
            maps = larger(maps, style, side)
        return torch.tanh(functional.pixel_shuffle(self.out(maps, style), self.patch))


class Larger(nn.Module):
    """Twice as many places a side, or one less, in two convolutions that a style steers."""

    def __init__(self, into: int, out: int) -> None:
        super().__init__()
        self.up = Styled(into, out, 3, TOLD)
        self.again = Styled(out, out, 3, TOLD)

    def forward(self, maps: Tensor, style: Tensor, side: int) -> Tensor:
        """Maps of `side` places a side."""
        maps = functional.interpolate(maps, size=(side, side), mode="nearest")
        made: Tensor = active(self.again(active(self.up(maps, style)), style))
        return made


class Judge(nn.Module):
    """Of images (n, channels, side, side) and classes (n,) it says how much each is an example: (n,), 0: undecided.

    How much each `TOGETHER` images that follow one another differ is seen as well; n is a multiple of it. In a batch
    that is sorted by class these are of one class for the most part, so that images of a class have to differ.
    """

    def __init__(self, side: int, patch: int, channels: int, width: int, classes: int) -> None:
        super().__init__()
        self.patch = patch
        levels = sides(side, patch)
        wide = widths(width, len(levels))
        self.into = Conv(channels * patch**2, wide[0], 3)
        self.smaller = nn.ModuleList(Smaller(above, below) for above, below in pairwise(wide))
        self.last = Conv(wide[-1] + 1, wide[-1], 3)
        self.dense = Linear(wide[-1] * levels[-1] ** 2, wide[-1])
        self.out = Linear(wide[-1], 1)
        self.named = nn.Parameter(torch.randn(classes, wide[-1]))

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """See the class."""
        maps = active(self.into(laid_out(functional.pixel_unshuffle(images, self.patch))))
        for smaller in self.smaller:
            maps = smaller(maps)
        maps = active(self.last(laid_out(torch.cat([maps, _difference(maps)], 1))))
        values = active(self.dense(maps.flatten(1))).float()
        projected = (self.named[labels] * values).sum(1) / math.sqrt(values.shape[1])
        made: Tensor = self.out(values)[:, 0].float() + projected
        return made


class Smaller(nn.Module):
    """Half as many places a side, rounded up: two convolutions beside a way around."""

    def __init__(self, into: int, out: int) -> None:
        super().__init__()
        self.same = Conv(into, into, 3)
        self.down = Conv(into, out, 3, halves=True)
        self.around = Conv(into, out, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (n, into, y, x) to (n, out, y / 2, x / 2)."""
        inner = active(self.down(active(self.same(maps))))
        around = self.around(functional.avg_pool2d(maps, 2, ceil_mode=True))
        made: Tensor = (inner + around) / math.sqrt(2)
        return made


def _difference(maps: Tensor) -> Tensor:
    """The mean deviation of each `TOGETHER` images that follow one another, as one more channel: (n, 1, y, x)."""
    groups = maps.float().reshape(-1, TOGETHER, *maps.shape[1:])
    deviation = (groups.var(1, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3))
    spread: Tensor = deviation.repeat_interleave(TOGETHER)[:, None, None, None].expand(-1, 1, *maps.shape[2:])
    return spread.to(maps.dtype)


def _sized(values: Tensor) -> Tensor:
    """Rows whose numbers have a mean square of one."""
    return values * (values.square().mean(1, keepdim=True) + 1e-8).rsqrt()
