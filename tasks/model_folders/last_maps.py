"""A model of another library as images to maps, whatever its own answer is, and its weights as stages."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from tasks.errors import InputError


class LastMaps(nn.Module):
    """Normalised images, float32 (b, 3, s, s), to the last maps that still have places, (b, c, y, x).

    Attributes
    ----------
    model
        Of the library.
    to_maps
        From the model and images to maps.
    numbers
        To which stage, from 0, each of its parameters belongs, by name.
    """

    def __init__(
        self, model: nn.Module, to_maps: Callable[[Any, Tensor], Tensor], numbers: Mapping[str, int], size: int
    ) -> None:
        super().__init__()
        self.model = model
        self.to_maps = to_maps
        self.numbers = {f"model.{name}": number for name, number in numbers.items()}
        self.size = size

    def forward(self, images: Tensor) -> Tensor:
        """See the class.

        Raises
        ------
        InputError
            The model can't look at images of this size.
        """
        try:
            return self.to_maps(self.model, images)
        except (ValueError, AssertionError) as error:
            raise InputError(
                f"image_size: the model can't look at images of {images.shape[-1]} pixels a side ({error}); write the "
                f"size that it was made for, {self.size}"
            ) from error

    def without_idle(self, missing: frozenset[str] = frozenset()) -> LastMaps:
        """Itself, after the weights that no map depends on (a pooler, a classifier) were taken out of training.

        Parameters
        ----------
        missing
            Names, within `model`, of weights that no file held.

        Raises
        ------
        ValueError
            A map depends on one of them.
        """
        self.eval()
        parameters = dict(self.model.named_parameters())
        with torch.enable_grad():
            made = self(torch.zeros(1, 3, self.size, self.size)).sum()
            gradients = torch.autograd.grad(made, list(parameters.values()), allow_unused=True)
        idle = {name for name, gradient in zip(parameters, gradients, strict=True) if gradient is None}
        if lacking := sorted(missing - idle):
            raise ValueError(f"{len(lacking)} weights are missing, the first is {lacking[0]}")
        for name in idle:
            parameters[name].requires_grad_(False)
        last = max(number for name, number in self.numbers.items() if name.removeprefix("model.") not in idle)
        self.numbers = {name: min(number, last) for name, number in self.numbers.items()}
        self.train()
        return self


def places_of(tokens: Tensor, side: int) -> Tensor:
    """The tokens of an image's patches as maps.

    Parameters
    ----------
    tokens
        Shape (b, t, c): first those that stand for no place (a class token, registers), then the places, row by row.
    side
        Places along a side; where so many don't fit, as many as do.
    """
    count = tokens.shape[1]
    side = side if 0 < side * side <= count else math.isqrt(count)
    places = tokens[:, count - side * side :].transpose(1, 2)
    return places.reshape(*places.shape[:2], side, side)


def numbered(names: list[str], blocks: str) -> dict[str, int]:
    """To which stage each parameter belongs: a block each; what comes before is the first's, what behind the last's.

    Parameters
    ----------
    names
        Of all parameters, in the order of the model.
    blocks
        Name of the list of blocks; empty: there is one stage only.
    """
    if not blocks:
        return dict.fromkeys(names, 0)
    found, number = {}, 0
    for name in names:
        if name.startswith(f"{blocks}."):
            number = int(name.removeprefix(f"{blocks}.").partition(".")[0])
        found[name] = number
    return found
