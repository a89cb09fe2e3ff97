"""What a photo's file says of it beside its pixels: how it stands, and when, with what and where it was taken.

Anybody may write anything into EXIF: what makes no sense counts as absent, and spoils no image.
"""

from __future__ import annotations

import struct
import zlib
from datetime import datetime
from typing import Any

import numpy as np
from PIL import ExifTags, Image

# What decoders raise on hostile bytes; found by feeding them damaged files of every format.
DECODER_ERRORS = (
    *(OSError, SyntaxError, ValueError, NotImplementedError, OverflowError, Image.DecompressionBombError),
    *(Image.DecompressionBombWarning, EOFError, IndexError, KeyError, TypeError, AttributeError, RuntimeError),
    *(struct.error, zlib.error, ZeroDivisionError, AssertionError),
)


def read(image: Image.Image) -> dict[int, Any]:
    """The EXIF fields that the catalog holds; GPS fields below the key of their directory. Damaged EXIF is none."""
    try:
        fields = image.getexif()
        return {
            **fields,
            **fields.get_ifd(ExifTags.IFD.Exif),
            int(ExifTags.IFD.GPSInfo): dict(fields.get_ifd(ExifTags.IFD.GPSInfo)),
        }
    except DECODER_ERRORS:
        return {}


def orientation(fields: dict[int, Any]) -> int:
    """How the image must be turned to stand upright: 1 to 8 as EXIF counts, 1 (not at all) where absent."""
    value = fields.get(ExifTags.Base.Orientation)
    return value if isinstance(value, int) and 2 <= value <= 8 else 1


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Pixels, rows first, turned and mirrored as an orientation (1 to 8) says."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def taken(fields: dict[int, Any]) -> str | None:
    """When the photo was taken, ISO 8601 without a zone."""
    text = _text(fields.get(ExifTags.Base.DateTimeOriginal)) or _text(fields.get(ExifTags.Base.DateTime))
    if not text:
        return None
    try:
        return datetime.strptime(text, "%Y:%m:%d %H:%M:%S").isoformat()
    except ValueError:
        return None


def camera(fields: dict[int, Any]) -> str | None:
    """Make and model of the camera."""
    make, model = _text(fields.get(ExifTags.Base.Make)), _text(fields.get(ExifTags.Base.Model))
    return (model if model.startswith(make) else f"{make} {model}".strip()) or None


def latitude(fields: dict[int, Any]) -> float | None:
    """Where the photo was taken, in degrees, north positive."""
    return _degrees(fields, ExifTags.GPS.GPSLatitude, ExifTags.GPS.GPSLatitudeRef, 90)


def longitude(fields: dict[int, Any]) -> float | None:
    """Where the photo was taken, in degrees, east positive."""
    return _degrees(fields, ExifTags.GPS.GPSLongitude, ExifTags.GPS.GPSLongitudeRef, 180)


def dpi(image: Image.Image) -> float | None:
    """Pixels an inch across, as the file's header or EXIF names them."""
    try:
        value = float(image.info["dpi"][0])
    except DECODER_ERRORS:
        return None
    return round(value, 2) if 1 <= value <= 100_000 else None


def _text(value: object) -> str:
    text = value if isinstance(value, str) else ""
    return "".join(sign for sign in text if sign.isprintable()).strip()


def _degrees(fields: dict[int, Any], field: int, reference: int, limit: float) -> float | None:
    gps = fields.get(int(ExifTags.IFD.GPSInfo), {})
    try:
        degrees, minutes, seconds = (float(part) for part in gps[field])
        value = degrees + minutes / 60 + seconds / 3600
    except DECODER_ERRORS:
        return None
    if not 0 <= value <= limit:  # also where it is no number
        return None
    return round(-value if _text(gps.get(reference)).upper() in ("S", "W") else value, 7)
