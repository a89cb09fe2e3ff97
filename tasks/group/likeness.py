"""How alike two pictures are once light and small shifts are taken out.

Normalised cross-correlation of locally normalised pictures (mean and contrast of each pixel's neighbourhood taken out,
Jarrett et al. 2009), the highest over small shifts and crops. Two photos of one object keep what is fine in it,
whatever the exposure or the side that the light comes from; two different objects don't share it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from PIL import Image

SIDE = 96  # pixels a side of a picture
SHIFT = 10  # pixels that two pictures may be shifted against each other, either way
CROPS = (1.0, 0.95, 0.9)  # side of the part of one picture that may be the whole of the other
COARSE = 32  # pixels a side at which the best crop is looked for
COARSE_SHIFT = 3  # the same shift there
REACH = 4  # pixels by which the shift found there may be off
NEIGHBOURHOOD = 3.0  # pixels, standard deviation: what is wider counts as light
GRAIN = 0.8  # pixels, standard deviation: what is narrower counts as noise
CONTRAST = 4.0  # variance below which a neighbourhood counts as flat, in grey values squared
HIGHEST = 0.9999  # so that Fisher's z stays finite


def picture(rgb: Image.Image) -> np.ndarray:
    """The luminance of an image, squashed to `SIDE` x `SIDE` pixels, uint8."""
    return np.asarray(rgb.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX, reducing_gap=2.0))


def turned(picture: np.ndarray, turn: int) -> np.ndarray:
    """A square picture in one of its eight `tasks.fingerprints.TURNS`."""
    lying = picture.T if turn >= 4 else picture
    lying = lying[:, ::-1] if turn % 4 in (1, 2) else lying
    return np.ascontiguousarray(lying[::-1] if turn % 4 in (2, 3) else lying)


def normalised(picture: np.ndarray, crop: float = 1.0) -> np.ndarray:
    """A picture, or its central part, without light: float32, about mean 0 and variance 1 everywhere but where flat."""
    grey: np.ndarray = picture.astype(np.float32)
    side = len(grey)
    if crop < 1.0:
        inset = (1 - crop) / 2 * side - (1 - crop) / 2  # pixel centres
        zoom = np.array([[crop, 0, inset], [0, crop, inset]], dtype=np.float32)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        grey = cv2.warpAffine(grey, zoom, (side, side), flags=flags, borderMode=cv2.BORDER_REFLECT)
    wide, narrow = NEIGHBOURHOOD * side / SIDE, GRAIN * side / SIDE
    detail = cv2.GaussianBlur(grey - cv2.GaussianBlur(grey, (0, 0), wide), (0, 0), narrow)
    contrast = cv2.GaussianBlur(detail * detail, (0, 0), 1.5 * wide)
    return np.asarray(detail / np.sqrt(contrast + CONTRAST), dtype=np.float32)


@dataclass(frozen=True)
class Fit:
    """Where two pictures are most alike: the correlation, in [-1, 1], and the shift, in pixels."""

    correlation: float
    x: int
    y: int


def fit(one: np.ndarray, other: np.ndarray, border: int, near: Fit | None = None, reach: int = 0) -> Fit:
    """The highest correlation of two normalised pictures over shifts of up to `border` pixels, also between pixels.

    Parameters
    ----------
    one, other
        Shape (side, side), float32; the inner part of `one` is looked for in `other`.
    border
        Pixels left out of `one` on each side, the most that it can be shifted.
    near, reach
        Look only at shifts within `reach` pixels of those of `near`.
    """
    left, right, top, bottom = 0, 2 * border, 0, 2 * border
    if near is not None:
        left, right = max(0, border + near.x - reach), min(2 * border, border + near.x + reach)
        top, bottom = max(0, border + near.y - reach), min(2 * border, border + near.y + reach)
    side = len(one) - 2 * border
    window = other[top : bottom + side, left : right + side]
    found = cv2.matchTemplate(window, one[border:-border, border:-border], cv2.TM_CCOEFF_NORMED)
    _, highest, _, (x, y) = cv2.minMaxLoc(found)
    peak = highest
    for line, at in ((found[y], x), (found[:, x], y)):
        if 0 < at < len(line) - 1:  # the top of the parabola through the highest value and its two neighbours
            before, after = float(line[at - 1]), float(line[at + 1])
            curvature = 2 * highest - before - after
            if curvature > 0:
                peak += (before - after) ** 2 / (8 * curvature)
    peak = max(-HIGHEST, min(HIGHEST, peak)) if math.isfinite(peak) else 0.0
    return Fit(peak, x + left - border, y + top - border)


class Likeness:
    """Likeness of pictures of one collection; what was normalised is kept for the next pair.

    Parameters
    ----------
    pictures
        Shape (n, `SIDE`, `SIDE`), uint8.
    """

    def __init__(self, pictures: np.ndarray) -> None:
        self.pictures = pictures
        self.fine = cache(self._fine)
        self.coarse = cache(self._coarse)

    def _fine(self, row: int, turn: int = 0, crop: float = 1.0) -> np.ndarray:
        return normalised(turned(self.pictures[row], turn), crop)

    def _coarse(self, row: int, turn: int = 0, crop: float = 1.0) -> np.ndarray:
        small = cv2.resize(self.pictures[row], (COARSE, COARSE), interpolation=cv2.INTER_AREA)
        return normalised(turned(small, turn), crop)

    def straight(self, one: int, other: int) -> float:
        """Likeness of two whole pictures as they are, in [-1, 1]."""
        return self._refined(one, other, 0, (1.0, 1.0), fit(self.coarse(one), self.coarse(other), COARSE_SHIFT))

    def of(self, one: int, other: int, turn: int = 0) -> float:
        """Likeness of picture `one` and picture `other`, which is turned, in [-1, 1].

        The crop that fits best is looked for on small pictures; then the whole pictures and that crop are compared.
        """
        crops = [(1.0, crop) for crop in CROPS] + [(crop, 1.0) for crop in CROPS[1:]]
        fits = {(a, b): fit(self.coarse(one, 0, a), self.coarse(other, turn, b), COARSE_SHIFT) for a, b in crops}
        best = max(crops, key=lambda crop: fits[crop].correlation)
        return max(self._refined(one, other, turn, crop, fits[crop]) for crop in dict.fromkeys([crops[0], best]))

    def _refined(self, one: int, other: int, turn: int, crop: tuple[float, float], coarse: Fit) -> float:
        scale = SIDE / COARSE
        near = Fit(coarse.correlation, round(coarse.x * scale), round(coarse.y * scale))
        return fit(self.fine(one, 0, crop[0]), self.fine(other, turn, crop[1]), SHIFT, near, REACH).correlation
