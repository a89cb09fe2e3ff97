"""Images of 16 bits a value of which Pillow hands on the high bytes only, in kinds that `tasks.deep_colour` can't read.

Where the values use all bits, that is the picture as it is shown. Where they don't, as those of sensors of 10, 12 and
14 bits, the picture would be nearly black on a scale that no depth of the dataset can mend: it is refused.
"""

from __future__ import annotations

from typing import BinaryIO

import numpy as np
from PIL import Image, ImageFile, TiffImagePlugin

from tasks.depth import FULL, top

ODDITY = "of 16 bits a value the upper 8 are read"
NOT_SEEN = ("A", "a", "K", "Cb", "Cr")  # channels that may be full where the picture uses few bits
LEAST = 64  # a high byte that values reach if they use more than 14 bits
_CODESTREAM = b"\xff\x4f\xff\x51"  # of JPEG 2000: its start, and the marker of the sizes
_PRECISION = 42  # bytes behind that, where the bits of the first channel stand


def holds_high_bytes(image: Image.Image, file: BinaryIO) -> bool:
    """Whether a file that Pillow has opened, but not loaded yet, has 16 bits a value, and Pillow makes 8 of them.

    Raises
    ------
    NotImplementedError
        Pillow would make a wrong picture of it.
    """
    if not isinstance(image, ImageFile.ImageFile) or image.mode.startswith(("I", "F")):
        return False
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        bits = image.tag_v2.get(TiffImagePlugin.BITSPERSAMPLE, (1,))
        is_planar = len(bits) > 1 and image.tag_v2.get(TiffImagePlugin.PLANAR_CONFIGURATION) == 2
        if max(bits) > 8 and is_planar:
            raise NotImplementedError("16 bits a value with each colour by itself; save it with the colours together")
        return bool(max(bits) > 8)
    if image.format == "JPEG2000":
        at = file.tell()
        file.seek(0)
        content = file.read()
        file.seek(at)
        start = content.find(_CODESTREAM)
        return start >= 0 and (content[start + _PRECISION] & 0x7F) + 1 == 16
    codec, told = next(((tile.codec_name, tile.args) for tile in image.tile), ("", ""))
    if image.format == "PNG":
        return ";16" in str(told)
    numbers = told[1:] if isinstance(told, tuple) else ()
    if image.format == "SGI":
        return codec == "SGI16" or numbers[1:] == (2,)  # bytes a value
    # A PPM of fewer bits says in its header which value is white, and Pillow heeds it.
    return image.format == "PPM" and numbers == (top(FULL),)


def check(image: Image.Image) -> None:
    """Refuse the high bytes of values that use 14 bits or fewer.

    Raises
    ------
    NotImplementedError
        With the bits that they use, and what to do.
    """
    bands = [np.asarray(image.getchannel(name)) for name in image.getbands() if name not in NOT_SEEN]
    largest = int(max(band.max(initial=0) for band in bands))
    if largest < LEAST:
        raise NotImplementedError(
            f"16 bits a value, of which about {8 + largest.bit_length()} are used, would be shown on the scale of 16 "
            "in this kind of file, nearly black; save it as PNG, or as TIFF in grey or RGB"
        )
