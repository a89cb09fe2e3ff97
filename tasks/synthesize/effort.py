"""How many steps a budget of minutes buys: by arithmetic alone, so that the same parameters give the same steps."""

from __future__ import annotations

import torch
from torch import Tensor, nn

CORES = 2  # of the machine that minutes are of
SPEED = 38e9  # multiplications a second that one of its cores does, forwards and backwards together


def steps_within(minutes: float, fits: int, multiplications: float) -> int:
    """Steps of each of so many fits, of so many multiplications a step, that minutes allow for; at least 1."""
    return max(1, int(minutes * 60 * CORES / fits * SPEED / multiplications))


def minutes_of(steps: int, multiplications: float) -> float:
    """Minutes that so many steps take on the machine that minutes are of."""
    return steps * multiplications / SPEED / CORES / 60


def multiplications(network: nn.Module, *seen: Tensor) -> int:
    """Of one image's forward pass: those of matrices and convolutions, whatever number of images `seen` holds.

    A layer counts by its `weight`: of four axes once a place of the maps that it makes, of two axes once. A table that
    is looked up in doesn't multiply.
    """
    counted = 0

    def count(layer: nn.Module, _: tuple[Tensor, ...], made: Tensor) -> None:
        nonlocal counted
        weight = layer.weight
        if isinstance(weight, Tensor) and weight.ndim > 1:
            counted += weight.numel() * (made.shape[-2] * made.shape[-1] if weight.ndim == 4 else 1)

    layers = [layer for layer in network.modules() if hasattr(layer, "weight") and not isinstance(layer, nn.Embedding)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    with torch.no_grad():
        network(*seen)
    for hook in hooks:
        hook.remove()
    return counted
