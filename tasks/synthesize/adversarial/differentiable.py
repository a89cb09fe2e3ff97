"""Random changes that gradients pass through: differentiable augmentation (Zhao et al. 2020, sections 3 and 4).

Every image that the discriminator sees is changed so, an example as well as one that was made, when it learns and when
the generator learns from it. So it can't know the few examples by heart, and the generator still learns to make images
as they are: it is judged by what becomes of them. Each image is changed by numbers of its own, which are drawn outside.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

Change = Literal["colour", "translation", "cutout"]
NUMBERS = 7  # brightness, saturation, contrast, shift down and across, centre of the hole down and across
FARTHEST = 0.125  # shift at most, as a share of the side
HOLE = 0.5  # side of the square that is cut out, as a share of the image's


def drawn(number: int, chance: np.random.Generator) -> NDArray[np.float32]:
    """What decides how each of so many images is changed: shape (n, `NUMBERS`), float32, 0 to below 1."""
    return chance.random((number, NUMBERS), dtype=np.float32)


def changed(images: Tensor, policy: Collection[Change], numbers: Tensor) -> Tensor:
    """Images as the discriminator sees them.

    Parameters
    ----------
    images
        Shape (n, c, side, side), -1 to 1; c is 3, or 1 for grey images, which have no saturation.
    policy
        Which changes are made, always in this order. ``colour``: brightness by up to half a unit of 0 to 1 either way
        here, distances from the pixel's grey by a factor of 0 to 2, distances from the image's mean by a factor of 0.5
        to 1.5. ``translation``: by up to an eighth of the side, black coming in. ``cutout``: a square of half the side,
        part of which may lie outside, becomes mid grey.
    numbers
        Shape (n, `NUMBERS`), as `drawn` makes them.

    Returns
    -------
    torch.Tensor
        Of the images' shape.
    """
    if "colour" in policy:
        images = _coloured(images, numbers[:, :3])
    if "translation" in policy:
        images = _shifted(images, numbers[:, 3:5])
    if "cutout" in policy:
        images = images * _kept(images.shape[-1], numbers[:, 5:7])
    return images


def _coloured(images: Tensor, numbers: Tensor) -> Tensor:
    brightness, saturation, contrast = numbers[:, :, None, None, None].unbind(1)
    images = images + (brightness - 0.5)
    if images.shape[1] > 1:
        grey = images.mean(1, keepdim=True)
        images = grey + (images - grey) * (2 * saturation)
    mean = images.mean((1, 2, 3), keepdim=True)
    return mean + (images - mean) * (contrast + 0.5)


def _shifted(images: Tensor, numbers: Tensor) -> Tensor:
    """What comes in is -1, black."""
    side = images.shape[-1]
    farthest = round(side * FARTHEST)
    steps = _whole(numbers, -farthest, farthest)
    padded = functional.pad(images, (farthest,) * 4, value=-1.0)
    places = torch.arange(side)
    down, across = (farthest - steps[:, axis, None] + places for axis in (0, 1))
    rows = torch.arange(len(images))[:, None, None]
    return padded.permute(0, 2, 3, 1)[rows, down[:, :, None], across[:, None, :]].permute(0, 3, 1, 2)


def _kept(side: int, numbers: Tensor) -> Tensor:
    """0 in the square and 1 elsewhere: (n, 1, side, side)."""
    hole = round(side * HOLE)
    first = _whole(numbers, 0, side - 1 + hole % 2) - hole // 2
    places = torch.arange(side)
    down, across = ((places >= first[:, axis, None]) & (places < first[:, axis, None] + hole) for axis in (0, 1))
    return 1.0 - (down[:, :, None] & across[:, None, :])[:, None].float()


def _whole(numbers: Tensor, least: int, most: int) -> Tensor:
    """Numbers 0 to below 1 as whole ones, each as likely, both ends included."""
    return (least + (numbers * (most - least + 1)).long()).clamp(max=most)
