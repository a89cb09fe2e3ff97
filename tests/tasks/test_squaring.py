"""Squares by tensors: the same pixels as Pillow's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from tasks.decoding import squared
from tasks.squaring import Squared

SHAPES = [
    (1, 1),
    (1, 300),
    (300, 1),
    (31, 33),
    (32, 32),
    (40, 33),
    (96, 20),
    (500, 7),
    (7, 500),
    (200, 190),
    (375, 500),
]


@pytest.mark.parametrize("resize", ["squash", "letterbox"])
@pytest.mark.parametrize("size", [32, 64])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_pixel_is_that_of_pillow(shape: tuple[int, int], size: int, resize: str) -> None:
    pixels = np.random.default_rng(shape).integers(0, 256, (2, *shape, 3), dtype=np.uint8)
    expected = [np.asarray(squared(Image.fromarray(one), size, resize)) for one in pixels]
    found = Squared(size, resize)(torch.from_numpy(pixels)).permute(0, 2, 3, 1).numpy()
    np.testing.assert_array_equal(found, np.stack(expected))


def test_many_random_sizes() -> None:
    chance = np.random.default_rng(3)
    for _ in range(60):
        height, width, size = (int(value) for value in chance.integers([1, 1, 32], [260, 260, 90]))
        pixels = chance.integers(0, 256, (height, width, 3), dtype=np.uint8)
        for resize in ("squash", "letterbox"):
            found = Squared(size, resize)(torch.from_numpy(pixels)[None])[0].permute(1, 2, 0).numpy()
            expected = np.asarray(squared(Image.fromarray(pixels), size, resize))
            np.testing.assert_array_equal(found, expected, err_msg=f"{height} x {width} to {size}, {resize}")
