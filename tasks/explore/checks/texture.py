"""Texture: fabric, sensor noise, compression and print leave patterns that a network finds before any object."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from tasks.explore.comparison import Measure
from tasks.explore.picture import shares
from tasks.explore.properties import Property

if TYPE_CHECKING:
    from tasks.explore.picture import Picture

AROUND = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))  # the neighbours, clockwise


class Texture(Property):
    """Local binary patterns (Ojala et al. 2002), correlation at a distance (Haralick 1973), direction of gradients."""

    name: Literal["texture"] = "texture"
    title = "Texture"
    question = "Do the surfaces of some classes look different, close up?"
    order = 80
    number = 6
    measures: ClassVar[dict[str, Measure]] = {
        "patterns": Measure(
            "Variety of patterns",
            "Entropy of the uniform local binary patterns (8 neighbours), in bits: 0 is even, 5.9 is noise.",
            2,
        ),
        "coarseness": Measure(
            "Coarseness",
            "Correlation of pixels 4 apart (GLCM): 1 is large shapes, 0 is fine grain, below 0 a fine pattern.",
            3,
        ),
        "directionality": Measure(
            "Directionality", "Coherence of the gradients: 0 where they go all ways, 1 where all go one way.", 3
        ),
    }

    def measure(self, picture: Picture) -> dict[str, float]:
        """The three measures of the luminance."""
        grey = picture.grey
        return {
            "patterns": pattern_entropy(grey),
            "coarseness": correlation(grey, 4),
            "directionality": coherence(*picture.gradients),
        }


def pattern_entropy(grey: np.ndarray) -> float:
    """Entropy in bits of the 59 uniform local binary patterns of radius 1, around the pixels of every other row."""
    import cv2

    height, width = grey.shape
    centre = grey[1:-1:2, 1:-1]
    codes = np.zeros(centre.shape, dtype=np.uint8)
    for bit, (row, column) in enumerate(AROUND):
        neighbour = grey[row : height - 2 + row : 2, column : width - 2 + column]
        codes |= np.asarray(cv2.compare(neighbour, centre, cv2.CMP_GE), dtype=np.uint8) & np.uint8(1 << bit)
    patterns = np.bincount(_pattern_of(), weights=shares(codes), minlength=59)
    return -float(np.sum(patterns * np.log2(np.maximum(patterns, 1e-12))))


@cache
def _pattern_of() -> np.ndarray:
    """The number of each code's pattern, shape (256,): codes with at most two changes around have one each."""
    codes = np.arange(256)
    changes = np.array([int(code).bit_count() for code in codes ^ ((codes >> 1) | ((codes & 1) << 7))])
    return np.where(changes <= 2, np.cumsum(changes <= 2), 0)


def correlation(grey: np.ndarray, distance: int) -> float:
    """Correlation of pixels `distance` apart, mean of both directions, at most 1, which is that of an even image.

    From their mean squared difference (the variogram) and the variance of all pixels.
    """
    import cv2

    variance = cv2.meanStdDev(grey)[1].item() ** 2
    if not variance:
        return 1.0
    across = cv2.norm(grey[:, distance:], grey[:, :-distance], cv2.NORM_L2SQR)
    along = cv2.norm(grey[distance:], grey[:-distance], cv2.NORM_L2SQR)
    return float(1 - (across + along) / (4 * variance * grey[distance:].size))


def coherence(right: np.ndarray, down: np.ndarray) -> float:
    """How far gradients agree in direction, in [0, 1]: difference over sum of the structure tensor's eigenvalues."""
    import cv2

    along, across = cv2.norm(right, cv2.NORM_L2SQR), cv2.norm(down, cv2.NORM_L2SQR)
    mixed = (along + across - cv2.norm(right, down, cv2.NORM_L2SQR)) / 2  # the sum of their products
    return float(np.hypot(along - across, 2 * mixed) / (along + across)) if along + across else 0.0
