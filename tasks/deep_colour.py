"""Colour images of 16 bits a value, for which Pillow has no mode: it would cut them to their high bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from tasks.depth import FULL, eight_bit
from tasks.exif import upright

FORMATS = {"PNG": ".png", "TIFF": ".tif"}  # Pillow's names, and what OpenCV calls them


@dataclass(frozen=True, eq=False)
class DeepColour:
    """A colour image of 16 bits a value; as far as it goes, it has the names of Pillow's images.

    Attributes
    ----------
    values
        Red, green, blue and, if it has transparency, alpha (0 to 65535), shape (height, width, 3 or 4), uint16.
    """

    values: NDArray[np.uint16]

    @classmethod
    def of(cls, colours: NDArray[Any], alpha: NDArray[np.uint8] | None) -> DeepColour:
        """The image of colours of 16 bits, shape (height, width, 3), and a transparency of 8, if any."""
        layers = [colours] if alpha is None else [colours, alpha.astype(np.uint16) * 257]
        return cls(np.dstack(layers).astype(np.uint16))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.width, self.height

    @property
    def width(self) -> int:
        """Pixels."""
        return int(self.values.shape[1])

    @property
    def height(self) -> int:
        """Pixels."""
        return int(self.values.shape[0])

    @property
    def mode(self) -> str:
        """``RGB;16`` or ``RGBA;16``."""
        return "RGBA;16" if self.has_transparency_data else "RGB;16"

    @property
    def has_transparency_data(self) -> bool:
        """Whether it has an alpha channel."""
        return bool(self.values.shape[2] == 4)

    @property
    def colours(self) -> NDArray[np.uint16]:
        """Red, green and blue, shape (height, width, 3)."""
        return self.values[..., :3]

    @property
    def alpha(self) -> NDArray[np.uint8] | None:
        """Its transparency in 8 bits, shape (height, width), if it has any."""
        return eight_bit(self.values[..., 3], FULL) if self.has_transparency_data else None

    def getbands(self) -> tuple[str, ...]:
        """The names of the channels."""
        return tuple(self.mode.partition(";")[0])

    def shown(self, depth: int) -> Image.Image:
        """The image with 8 bits a value, on the scale of a depth; alpha is always on that of 16 bits."""
        image = Image.fromarray(eight_bit(self.colours, depth))
        if self.alpha is not None:
            image.putalpha(Image.fromarray(self.alpha))
        return image


AnyImage = Image.Image | DeepColour


def is_deep_colour(image: Image.Image) -> bool:
    """Whether a file that Pillow has opened, but not loaded yet, is a PNG or TIFF in colour with 16 bits a value."""
    if not isinstance(image, ImageFile.ImageFile) or image.format not in FORMATS or image.mode not in ("RGB", "RGBA"):
        return False
    return any(";16" in str(tile.args) for tile in image.tile)


def read(file: BinaryIO, loaded: Image.Image, orientation: int) -> DeepColour | None:
    """All bits of an image of which Pillow has loaded the high bytes, upright.

    Parameters
    ----------
    file
        The file, of a kind that `is_deep_colour`.
    loaded
        What Pillow has made of it, and thereby found whole.
    orientation
        EXIF orientation, 1 to 8, of `loaded`.

    Returns
    -------
    DeepColour or None
        None where OpenCV does not see what Pillow sees, for instance colours that were multiplied with alpha.
    """
    import cv2

    file.seek(0)
    try:
        decoded = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    if decoded is None or decoded.dtype != np.uint16 or decoded.ndim != 3:
        return None
    values = cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB if decoded.shape[2] == 3 else cv2.COLOR_BGRA2RGBA)
    seen: NDArray[np.uint8] = np.asarray(loaded)
    if values.shape[:2] != seen.shape[:2] or not np.array_equal(values[..., :3] // 256, seen[..., :3]):
        return None
    return DeepColour(upright(values, orientation))


def encode(image: DeepColour, kind: str) -> bytes:
    """The bytes of a PNG or TIFF file (one of `FORMATS`) with all bits, without loss."""
    import cv2

    code = cv2.COLOR_RGBA2BGRA if image.has_transparency_data else cv2.COLOR_RGB2BGR
    options = [cv2.IMWRITE_TIFF_COMPRESSION, cv2.IMWRITE_TIFF_COMPRESSION_ADOBE_DEFLATE] if kind == "TIFF" else []
    _, data = cv2.imencode(FORMATS[kind], cv2.cvtColor(image.values, code), options)
    return bytes(data.tobytes())
