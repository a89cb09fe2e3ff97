"""JPEGs: strict decoding, and what the header says of the compression, which may differ with the class."""

from __future__ import annotations

from contextlib import suppress
from functools import cache

import numpy as np
import simplejpeg
from PIL import Image

from tasks import jpeg_oddities

COLOUR_SPACES = {"L": "GRAY", "RGB": "RGB"}  # what simplejpeg calls those that it decodes as they are, by Pillow's mode

# The luminance table of the JPEG standard (ITU-T T.81, table K.1), which libjpeg scales by the quality.
_LUMINANCE = np.array(
    [
        *(16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55),
        *(14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62),
        *(18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92),
        *(49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99),
    ]
)


def quality(image: Image.Image) -> int | None:
    """The quality, 1 to 100, whose table of libjpeg is nearest to that of an opened JPEG; None for other formats.

    Exact for files that libjpeg wrote; programs with tables of their own are placed on its scale by their sum.
    """
    tables = getattr(image, "quantization", None)
    if image.format not in ("JPEG", "MPO") or not tables:
        return None
    return int(np.abs(_sums() - sum(tables[min(tables)])).argmin()) + 1


@cache
def _sums() -> np.ndarray:
    """The sum of libjpeg's luminance table for the qualities 1 to 100, shape (100,)."""
    qualities = np.arange(1, 101)
    scale = np.where(qualities < 50, 5000 // qualities, 200 - 2 * qualities)
    tables: np.ndarray = np.clip((np.outer(scale, _LUMINANCE) + 50) // 100, 1, 255)
    return np.asarray(tables.sum(axis=1))


def decode(content: bytes, colour_space: str, smallest: int = 0) -> tuple[np.ndarray, bytes, list[str]]:
    """Decode a JPEG strictly, whole but unusual ones as well (`tasks.jpeg_oddities`).

    Parameters
    ----------
    content
        The file.
    colour_space
        One of those of simplejpeg, such as ``RGB``.
    smallest
        Pixels that both sides must have at least, for a decoder that may shrink; 0 for all pixels.

    Returns
    -------
    tuple
        The pixels, uint8 of shape (height, width, channels); the bytes that they were decoded from; what had to be
        brought into form for that.

    Raises
    ------
    ValueError
        It is damaged.
    """

    def strictly(data: bytes) -> np.ndarray:
        return np.asarray(
            simplejpeg.decode_jpeg(data, colour_space, min_height=smallest, min_width=smallest, strict=True)
        )

    try:
        return strictly(content), content, []
    except ValueError:
        for standard, oddities in jpeg_oddities.standardised(content):
            with suppress(ValueError):
                return strictly(standard), standard, oddities
        raise
