"""Pictures for the tests of detectors on images: a striped texture, and others with a blob somewhere in it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from tasks.decoding import squared
from tasks.inputs import Inputs
from tasks.train.families import Components, Fit, Log
from tasks.train.losses.none import NoLoss
from tasks.train.mixing.none import Unmixed
from tasks.train.rows import Rows
from tasks.train.samplers.natural import Natural
from tasks.train.schedules.constant import Unscheduled

SIDE, BLOB = 64, 10
COLOURS = {1: (-70, -70, -70), 2: (90, -20, -20), 3: (-20, -20, 90)}


@cache
def texture(code: int, number: int) -> np.ndarray:
    """A picture, shape (64, 64, 3): stripes, and of classes from 1 a blob of the class's colour."""
    stream = np.random.default_rng((code, number))
    stripes = 120 + 25 * np.sin(np.arange(SIDE) / 4 + stream.uniform(0, 6))
    pixels = stripes[None, :, None] + stream.normal(0, 6, (SIDE, SIDE, 1)) + np.zeros((1, 1, 3))
    if code:
        top, left = corner(code, number)
        pixels[top : top + BLOB, left : left + BLOB] += COLOURS[code]
    return pixels.clip(0, 255).astype(np.uint8)


def corner(code: int, number: int) -> tuple[int, int]:
    """Where the blob of a picture begins."""
    top, left = np.random.default_rng((7, code, number)).integers(4, SIDE - BLOB - 4, 2)
    return int(top), int(left)


class Textures:
    """A source of them; an id is ``class-number``."""

    def __init__(self) -> None:
        self.asked = 0

    def images(self, ids: Sequence[str], size: int, resize: str) -> np.ndarray:
        from PIL import Image

        self.asked += len(ids)
        made = [squared(Image.fromarray(texture(*map(int, name.split("-")))), size, resize) for name in ids]
        return np.array([np.asarray(one) for one in made], dtype=np.uint8).reshape(-1, size, size, 3)


def rows_of(counts: Sequence[int], first: int = 0) -> Rows:
    """Rows of one class each; numbers of pictures count from `first`."""
    ids = [f"{code}-{first + number}" for code, count in enumerate(counts) for number in range(count)]
    targets = np.repeat(np.arange(len(counts)), counts)
    return Rows(ids, [f"class {code}" for code in range(len(counts))], targets, targets, np.ones(len(ids), np.float32))


def inputs_of(rows: Rows, source: Textures | None = None) -> Inputs:
    return Inputs(rows.ids, source or Textures())


def fit_of(rows: Rows, seed: int = 0, source: Textures | None = None, **others: Any) -> Fit:
    """A fit with the components that do nothing."""
    idle = Components(NoLoss(), Natural(), Unmixed(), Unscheduled())
    return Fit(rows, inputs_of(rows, source), idle, seed, None, Log(), **others)
