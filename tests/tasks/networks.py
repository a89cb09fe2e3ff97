"""Small models whose networks are known, for the tests of export and explanation."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import torch
from PIL import Image
from torch import nn

from tasks.features.backbones import Backbone
from tasks.train.families.head import FittedHead, Head
from tasks.train.models import Model
from tasks.train.posthoc.logit_adjustment import LogitAdjustment

CLASSES = ["blue", "green", "red"]
PRIOR = np.array([0.2, 0.3, 0.5])


class Colours(Backbone):
    """Maps of the three colours in blocks of 8 x 8 pixels, and their averages."""

    name: Literal["colours"] = "colours"
    dimensions: ClassVar[int] = 3
    mean: ClassVar[tuple[float, float, float]] = (10.0, 20.0, 30.0)
    deviation: ClassVar[tuple[float, float, float]] = (100.0, 50.0, 200.0)

    def load(self) -> Callable[[torch.Tensor], torch.Tensor]:
        return self.module()

    def module(self) -> nn.Sequential:
        return nn.Sequential(nn.AvgPool2d(8), nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()))


class Blind(Colours):
    """Shows nothing of itself."""

    name: Literal["blind"] = "blind"

    def load(self) -> Callable[[torch.Tensor], torch.Tensor]:
        return super().module()

    def module(self) -> None:
        return None


def head(seed: int = 0, hidden: int = 0, marks: dict[str, float] | None = None) -> FittedHead:
    """A head of chance; `marks` are the arrays that say how its last layer is read."""
    chance = np.random.default_rng(seed)
    sizes = [3, hidden, 3] if hidden else [3, 3]
    arrays = {"mean": chance.normal(size=3), "deviation": chance.uniform(0.5, 2, size=3)}
    for layer, (taken, given) in enumerate(itertools.pairwise(sizes)):
        arrays |= {f"weight{layer}": chance.normal(size=(given, taken)), f"bias{layer}": chance.normal(size=given)}
    arrays |= {name: np.array([value]) for name, value in (marks or {}).items()}
    return FittedHead("mine", None, PRIOR, {name: value.astype(np.float32) for name, value in arrays.items()})


def model(
    backbone: Backbone | None = None, seeds: int = 2, hidden: int = 0, marks: dict[str, float] | None = None
) -> Model:
    fits = tuple(head(seed, hidden, marks) for seed in range(seeds))
    shown = backbone or Colours(image_size=32)
    return Model(CLASSES, Head(backbone="mine", hidden=hidden), LogitAdjustment(tau=1.5), fits, None, shown, 16)


def photos(folder: Path, shapes: list[tuple[int, int]]) -> list[Path]:
    chance = np.random.default_rng(4)
    files = []
    for number, (height, width) in enumerate(shapes):
        small = chance.integers(0, 256, (4, 4, 3), dtype=np.uint8)
        files.append(folder / f"{number}.{'jpg' if number % 2 else 'png'}")
        Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC).save(files[-1])
    return files
