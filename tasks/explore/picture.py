"""One image as the checks of `explore` see it: decoded once, reduced once.

A check that needs every pixel takes what `ingest` found (the catalog holds size and sharpness); all others share one
small view. A JPEG is decoded at a half, a quarter or an eighth of its size for it, straight from its coefficients.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tasks import jpeg
from tasks.deep_colour import AnyImage
from tasks.errors import InputError
from tasks.exif import upright
from tasks.images import UnreadableError, open_image, to_rgb

SIDE = 128  # pixels a side of the view, so that images of all sizes are measured on the same scale
MARGIN = 1.4  # a scaled decode has at least so many times the pixels of the view, a side

LEVELS = np.arange(256) / 255  # the luminances of a histogram's steps, 0 to 1
INNER = 3 / 4  # of a side: without the border of an image, an eighth of it on each side


class Source(NamedTuple):
    """Where an image stands, and what the catalog says of it."""

    path: Path
    format: str
    mode: str
    width: int
    height: int
    orientation: int
    depth: int


@dataclass(frozen=True)
class Picture:
    """The reduced view of an image: all of it, upright, squashed to a square, as a network sees it.

    Attributes
    ----------
    grey
        Luminance (ITU-R 601), shape (`SIDE`, `SIDE`), uint8.
    rgb
        Colours at half that size, which they are well seen at, shape (`SIDE` / 2, `SIDE` / 2, 3), uint8.
    """

    grey: np.ndarray
    rgb: np.ndarray

    @classmethod
    def of(cls, image: AnyImage, depth: int) -> Picture:
        """The view of an upright image of any mode, on the scale of a depth (see `tasks.depth`)."""
        return cls._reduced(np.asarray(to_rgb(image, depth)), 1)

    @classmethod
    def read(cls, source: Source) -> Picture:
        """The view of an image that the catalog holds.

        Raises
        ------
        InputError
            The file is gone or can't be read any more.
        """
        try:
            if source.format in ("JPEG", "MPO") and source.mode in jpeg.COLOUR_SPACES:
                return cls._reduced(_scaled_jpeg(source), source.orientation)
            return cls.of(open_image(source.path).image, source.depth)
        except (UnreadableError, OSError, ValueError) as error:
            raise InputError(
                f"{source.path}: {error}; it was in order when the catalog was made; "
                "`equipoise run --force ingest` looks again"
            ) from error

    @classmethod
    def _reduced(cls, pixels: np.ndarray, orientation: int) -> Picture:
        """The view of pixels of any size and of one or three channels, as a file with this EXIF orientation has them.

        They are brought to twice the size of the view, then halved by a triangle filter (weights 1, 3, 3, 1): so views
        of files of different sizes are about equally sharp.
        """
        import cv2

        height, width = (math.ceil(side / 2 ** _halvings(side)) for side in pixels.shape[:2])
        if (height, width) != pixels.shape[:2]:
            pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
        colour = pixels.shape[2:] == (3,)
        luminance = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY) if colour else pixels
        twice = cv2.resize(luminance, (2 * SIDE, 2 * SIDE), interpolation=cv2.INTER_LINEAR)
        grey = cv2.resize(cv2.GaussianBlur(twice, (3, 3), 0), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        rgb = cv2.resize(pixels, (SIDE // 2, SIDE // 2), interpolation=cv2.INTER_LINEAR)
        return cls(upright(grey, orientation), upright(rgb if colour else cv2.merge([rgb] * 3), orientation))

    @cached_property
    def channels(self) -> tuple[np.ndarray, ...]:
        """Red, green and blue of `rgb`."""
        import cv2

        return tuple(cv2.split(self.rgb))

    @cached_property
    def strongest(self) -> np.ndarray:
        """The largest of the three `channels`."""
        import cv2

        red, green, blue = self.channels
        return cv2.max(cv2.max(red, green), blue)

    @cached_property
    def histogram(self) -> np.ndarray:
        """Share of the pixels that has each luminance, shape (256,)."""
        return shares(self.grey)

    @cached_property
    def border_histogram(self) -> np.ndarray:
        """The same of the pixels in the border."""
        return np.asarray((self.histogram - INNER**2 * shares(middle(self.grey, INNER))) / (1 - INNER**2))

    @cached_property
    def gradients(self) -> tuple[np.ndarray, np.ndarray]:
        """Eight times the change of the luminance a pixel, to the right and downwards (Sobel), float32."""
        import cv2

        right, down = cv2.spatialGradient(self.grey)
        return right.astype(np.float32), down.astype(np.float32)


def shares(values: np.ndarray, bins: int = 256) -> np.ndarray:
    """Share of the values of uint8 in each of some equal bins, shape (bins,)."""
    import cv2

    counts = cv2.calcHist([values], [0], None, [bins], [0, 256]).ravel().astype(np.float64)
    return np.asarray(counts / counts.sum())


def middle(view: np.ndarray, share: float) -> np.ndarray:
    """The middle of a square view: `share` of its height and width."""
    edge = round(len(view) * (1 - share) / 2)
    return view[edge:-edge, edge:-edge]


def _halvings(side: int) -> int:
    """How often a side can be halved before it is too near to that of the view."""
    return max(0, math.floor(math.log2(side / (MARGIN * SIDE))))


def _scaled_jpeg(source: Source) -> np.ndarray:
    """Pixels of a JPEG as the file has them, at the smallest of four scales that is fine enough for the view."""
    shorter = min(source.width, source.height)
    # Other scales, such as 3/8, take longer than the next larger one of these.
    smallest = math.ceil(shorter / 2 ** min(_halvings(shorter), 3))
    return jpeg.decode(source.path.read_bytes(), jpeg.COLOUR_SPACES[source.mode], smallest)[0]
