"""How many steps a budget of minutes buys: by arithmetic alone, so that the same parameters give the same steps."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tasks.synthesize.diffusing.changing import NUMBERS
from tasks.synthesize.diffusing.settings import Settings

CORES = 2  # of the machine that minutes are of
SPEED = 38e9  # multiplications a second that one of its cores does, forwards and backwards together


def steps_within(settings: Settings, fits: int) -> int:
    """Steps of each of so many fits that `Settings.minutes` allow for, at least 1."""
    seconds = settings.minutes * 60 * CORES / fits
    return max(1, int(seconds * SPEED / (3 * multiplications(settings) * settings.batch_size)))


def multiplications(settings: Settings) -> int:
    """Of one forward pass of an image with three channels; a step takes three times as many."""
    counted = 0

    def count(layer: nn.Module, _: tuple[Tensor, ...], made: Tensor) -> None:
        nonlocal counted
        if isinstance(layer, nn.Conv2d):
            counted += made.shape[-2] * made.shape[-1] * layer.weight.numel()
        elif isinstance(layer, nn.Linear):
            counted += layer.weight.numel()

    with torch.random.fork_rng(devices=[]), torch.no_grad():
        network = settings.network.build(settings.image_size, 3, 1, NUMBERS)
        hooks = [layer.register_forward_hook(count) for layer in network.modules()]
        side = settings.image_size
        network(
            torch.zeros(1, 3, side, side), torch.zeros(1), torch.zeros(1, dtype=torch.int64), torch.zeros(1, NUMBERS)
        )
    for hook in hooks:
        hook.remove()
    return counted
