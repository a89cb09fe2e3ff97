"""TIFFs that are sound, but that Pillow does not know, or shows otherwise than they are meant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO

import numpy as np
from PIL import Image, TiffImagePlugin

from tasks.depth import FULL, bits_for, top
from tasks.exif import DECODER_ERRORS

_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_BIG = (b"II+\0", b"MM\0+")  # of files that may be larger than 4 GB; their header is twice as long
_STRIPS, _TILES = 273, 324  # tags: where the pixels stand
_FLOATS = 3  # of the sample format
_WHITE_IS_ZERO = 0  # of the photometric interpretation
_MOST_BITS = 64


def unknown_layout(file: BinaryIO) -> str:
    """What a sound TIFF holds that Pillow has no mode for, and what to do; empty for every other file."""
    file.seek(0)
    start = file.read(8)
    if not start.startswith(_STARTS):
        return ""
    try:
        directory = TiffImagePlugin.ImageFileDirectory_v2(start + file.read(8) * start.startswith(_BIG))
        file.seek(directory.next)
        directory.load(file)
        width, height = directory[TiffImagePlugin.IMAGEWIDTH], directory[TiffImagePlugin.IMAGELENGTH]
        bits = tuple(directory.get(TiffImagePlugin.BITSPERSAMPLE, (1,)))
        samples = int(directory.get(TiffImagePlugin.SAMPLESPERPIXEL, 1))
        kinds = tuple(directory.get(TiffImagePlugin.SAMPLEFORMAT, (1,)))
        is_sound = width > 0 and height > 0 and all(1 <= one <= _MOST_BITS for one in bits) and samples > 0
        has_pixels = any(tag in directory for tag in (_STRIPS, _TILES))
    except DECODER_ERRORS:
        return ""
    is_usual = samples in (1, 3, 4) and set(bits) <= {8} and set(kinds) == {1}  # so it is something else that is wrong
    if is_usual or not (is_sound and has_pixels):
        return ""
    values = "one value" if samples == 1 else f"{samples} values"
    kind = "floating point of " if _FLOATS in kinds else ""
    instead = "save it as PNG, or as TIFF in grey or RGB of 8 or 16 bits"
    return f"a TIFF with {values} a pixel, each {kind}{max(bits)} bits; {instead}"


def damage(lines: Iterable[str]) -> str:
    """Which damage libtiff has met, of what was printed while it read a file; Pillow doesn't ask it for all of that."""
    for line in lines:
        _, colon, told = line.partition(": ")
        if colon and "warning" not in line.lower() and not line.startswith("["):  # as OpenCV's lines begin
            return told
    return ""


def as_meant(image: Image.Image, pixels: Image.Image) -> Image.Image:
    """The pixels that Pillow has made of an opened file, with black and white, and large numbers, where they belong.

    Raises
    ------
    NotImplementedError
        Which value is black can't be told.
    """
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return pixels
    if (
        pixels.mode.startswith("I;16")
        and image.tag_v2.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == _WHITE_IS_ZERO
    ):
        values = np.asarray(pixels).astype(np.uint16)
        bits = bits_for(int(values.max(initial=0)))
        if bits < FULL:
            raise NotImplementedError(
                f"0 is white, and of 16 bits a value at most {bits} are used, so which value is black can't be told; "
                "save it with 0 as black"
            )
        return Image.fromarray(top(FULL) - values)
    if pixels.mode == "I" and max(image.tag_v2.get(TiffImagePlugin.SAMPLEFORMAT, (1,))) == 1:
        values = np.asarray(pixels)
        if values.min(initial=0) < 0:  # without a sign in the file, but not in Pillow's mode
            return Image.fromarray(values.view(np.uint32).astype(np.float32))
    return pixels
