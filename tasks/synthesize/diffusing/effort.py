"""How many multiplications a step of diffusion takes."""

from __future__ import annotations

import torch

from tasks.synthesize import effort
from tasks.synthesize.diffusing.changing import NUMBERS
from tasks.synthesize.diffusing.settings import Settings


def multiplications(settings: Settings) -> int:
    """Of a step on images with three channels: three times those of the forward pass of a batch."""
    side = settings.image_size
    with torch.random.fork_rng(devices=[]):
        network = settings.network.build(side, 3, 1, NUMBERS)
    seen = torch.zeros(1, 3, side, side), torch.zeros(1), torch.zeros(1, dtype=torch.int64), torch.zeros(1, NUMBERS)
    return 3 * settings.batch_size * effort.multiplications(network, *seen)
