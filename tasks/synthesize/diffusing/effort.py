"""How many multiplications a step of diffusion takes, and so how many steps a budget of minutes buys."""

from __future__ import annotations

import torch

from tasks.synthesize import effort
from tasks.synthesize.diffusing.changing import NUMBERS
from tasks.synthesize.diffusing.settings import Settings


def steps_within(settings: Settings, fits: int) -> int:
    """Steps of each of so many fits that `Settings.minutes` allow for, at least 1."""
    return effort.steps_within(settings.minutes, fits, 3 * multiplications(settings) * settings.batch_size)


def multiplications(settings: Settings) -> int:
    """Of one forward pass of an image with three channels; a step takes three times as many."""
    side = settings.image_size
    with torch.random.fork_rng(devices=[]):
        network = settings.network.build(side, 3, 1, NUMBERS)
    seen = torch.zeros(1, 3, side, side), torch.zeros(1), torch.zeros(1, dtype=torch.int64), torch.zeros(1, NUMBERS)
    return effort.multiplications(network, *seen)
