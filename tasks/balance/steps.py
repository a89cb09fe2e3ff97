"""Steps: what a preset comes to as plain data, which names albumentations' transforms and decides every pixel."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Needs:
    """What an image must be for a step to make sense; the step leaves other images as they are.

    Attributes
    ----------
    side
        Pixels that the shorter side must have at least.
    longest
        Pixels that the longer side may have at most; 0 stands for any number.
    square
        Whether both sides must be equal.
    colour
        Whether the image must have colours.
    eight_bits
        Whether more than 256 grey levels would be lost.
    """

    side: int = 1
    longest: int = 0
    square: bool = False
    colour: bool = False
    eight_bits: bool = False

    def met_by(self, colours: NDArray[Any]) -> bool:
        """Whether an image, (h, w, 1 or 3), uint8 or float32, meets them."""
        height, width, channels = colours.shape
        return (
            min(height, width) >= self.side
            and (max(height, width) <= self.longest or not self.longest)
            and (height == width or not self.square)
            and (channels == 3 or not self.colour)
            and (colours.dtype == np.uint8 or not self.eight_bits)
        )


@dataclass(frozen=True)
class Step:
    """One change.

    Attributes
    ----------
    name
        The class in albumentations, or a name of `tasks.balance.own_steps`.
    parameters
        Its arguments, as JSON knows them; `p` is the probability with which it happens.
    why
        Why it keeps the label.
    needs
        The images that it can be applied to.
    """

    name: str
    parameters: dict[str, Any]
    why: str
    needs: Needs = Needs()


def specify(steps: Iterable[Step]) -> str:
    """Steps as JSON: names and parameters in order, with needs where there are any, without the reasons."""
    entries = [[step.name, step.parameters] + ([asdict(step.needs)] if step.needs != Needs() else []) for step in steps]
    return json.dumps(entries, sort_keys=True, separators=(",", ":"))
