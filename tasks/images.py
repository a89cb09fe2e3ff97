"""Opening one image safely: whatever is wrong with a file ends in one exception, and what comes out stands upright.

Pillow alone does not notice most damage in a JPEG (of 200 files with 20 flipped bits it reports 24), so JPEGs are
decoded strictly by libjpeg-turbo, and the checksums of PNGs are verified. A header is held to the limit of pixels
before a pixel is decoded. Formats that run other programs (EPS) or hold no pixels of their own are not tried.
"""

from __future__ import annotations

import hashlib
import os
import re
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import simplejpeg
from PIL import ExifTags, Image, UnidentifiedImageError

FORMATS = (
    *("JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP", "DIB", "AVIF", "JPEG2000", "PPM"),
    *("ICO", "ICNS", "TGA", "PCX", "DCX", "SGI", "SUN", "QOI", "DDS", "PSD", "MSP", "XBM", "IM", "FLI"),
)  # Pillow's names; its JPEG reader also makes MPO
BACKGROUND = 128  # mid grey: dark and bright drawings both show on it, and it is near zero for the backbone
HASH_SIDE = 8  # bits a side of the perceptual hash
HASH_PIXELS = 32  # pixels a side that the perceptual hash sees

# What decoders raise on hostile bytes; found by feeding them damaged files of every format.
DECODER_ERRORS = (
    *(OSError, SyntaxError, ValueError, NotImplementedError, OverflowError, Image.DecompressionBombError),
    *(Image.DecompressionBombWarning, EOFError, IndexError, KeyError, TypeError, AttributeError, RuntimeError),
    *(struct.error, zlib.error, ZeroDivisionError, AssertionError),
)

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class UnreadableError(Exception):
    """A file that can't be used as an image.

    Attributes
    ----------
    reason
        A short kind, the same for all files of the kind, for instance ``damaged``.
    detail
        What exactly happened to this file.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)  # both, so that the exception survives the way back from a worker
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


@dataclass(frozen=True)
class Decoded:
    """One decoded image and what its file says of it.

    Attributes
    ----------
    image
        The first frame, upright (EXIF orientation applied), in the mode of the file.
    mode, format
        Pillow's names, as the file has them.
    frames
        Number of frames; only the first is used.
    orientation
        EXIF orientation, 1 to 8; 1 where absent.
    taken
        EXIF time, ISO 8601 without a zone.
    camera
        EXIF make and model.
    latitude, longitude
        EXIF position in degrees, north and east positive.
    """

    image: Image.Image
    mode: str
    format: str
    frames: int
    orientation: int
    taken: str | None
    camera: str | None
    latitude: float | None
    longitude: float | None

    @property
    def width(self) -> int:
        """Pixels, upright."""
        return self.image.width

    @property
    def height(self) -> int:
        """Pixels, upright."""
        return self.image.height


@dataclass(frozen=True)
class Examined:
    """What one file holds: the catalog's columns that come from it, or the reason why it can't be used."""

    path: str
    facts: dict[str, Any] | None = None
    reason: str = ""
    detail: str = ""


def open_image(source: Path | BinaryIO, max_pixels: int | None = None) -> Decoded:
    """Decode the first frame of an image file, or say why not.

    Parameters
    ----------
    source
        A path, or a file opened for reading bytes.
    max_pixels
        An image with more pixels is refused before it is decoded; None for files that were checked before.

    Raises
    ------
    UnreadableError
        Whatever is wrong with the file; nothing else is raised for it.
    """
    if not isinstance(source, Path):
        return _decode(source, max_pixels)
    try:
        file = source.open("rb")
    except OSError as error:
        raise UnreadableError("can't be opened", error.strerror or type(error).__name__) from None
    with file:
        return _decode(file, max_pixels)


def examine(root: Path, path: str, max_pixels: int) -> Examined:
    """Open the file at `path` below `root` once and find what the catalog holds of it, or why it can't be used.

    A link is followed only to a file below `root`.
    """
    try:
        path.encode()
        target = (root / path).resolve()
        if not target.is_relative_to(root.resolve()):
            raise UnreadableError("link out of data/raw", "only files below data/raw are read")
        if target.exists() and not target.is_file():
            raise UnreadableError("not a file", "a folder, a link to one, or a device")
        with target.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            found = open_image(file, max_pixels)
        rgb = to_rgb(found.image)
    except UnicodeEncodeError:
        return Examined(path, reason="name is not UTF-8", detail="rename the file")
    except FileNotFoundError:
        return Examined(path, reason="broken link", detail="it leads to nothing")
    except OSError as error:
        return Examined(path, reason="can't be opened", detail=error.strerror or type(error).__name__)
    except UnreadableError as error:
        return Examined(path, reason=error.reason, detail=error.detail)
    facts = {
        "width": found.width,
        "height": found.height,
        "mode": found.mode,
        "format": found.format,
        "frames": found.frames,
        "bytes": size,
        "sha256": digest,
        "pixels": pixel_hash(rgb),
        "phash": perceptual_hash(rgb),
        "taken": found.taken,
        "camera": found.camera,
        "orientation": found.orientation,
        "latitude": found.latitude,
        "longitude": found.longitude,
    }
    return Examined(path, facts)


def examine_all(root: Path, paths: list[str], max_pixels: int) -> list[Examined]:
    """Examine a chunk of files: the work of one task of a worker, which needs no more than this module for it."""
    return [examine(root, path, max_pixels) for path in paths]


def to_rgb(image: Image.Image) -> Image.Image:
    """An image of any mode as 8-bit RGB; what models, reports and hashes see.

    Transparent pixels lie on mid grey (128). 16-bit values are scaled from 0..65535 to 0..255, the same for all images,
    so that brightness stays comparable. 32-bit integers are taken as 16-bit where they fit, floats as 0..1 or 0..255
    where they fit; other ranges are stretched, from zero or a negative minimum to the maximum. CMYK is converted
    without a colour profile.

    Raises
    ------
    UnreadableError
        The mode has no conversion to RGB (for instance LAB).
    """
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(_eight_bit(np.asarray(image))).convert("RGB")
    try:
        if not image.has_transparency_data:
            return image.convert("RGB")
        layer = image.convert("RGBA")
    except ValueError as error:
        raise UnreadableError("unsupported", f"mode {image.mode}: {error}") from None
    ground = Image.new("RGBA", layer.size, (BACKGROUND, BACKGROUND, BACKGROUND, 255))
    return Image.alpha_composite(ground, layer).convert("RGB")


def content_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pixel_hash(rgb: Image.Image) -> str:
    """16 hex digits of the SHA-256 of an RGB image's size and pixels.

    Equal for files that decode to the same pixels, whatever their format, metadata or mode.
    """
    digest = hashlib.sha256(f"{rgb.width}x{rgb.height}:".encode())
    digest.update(rgb.tobytes())
    return digest.hexdigest()[:16]


def perceptual_hash(rgb: Image.Image) -> str:
    """The 64-bit DCT hash (pHash) of an image, 16 hex digits; near images differ in few bits.

    The image is made grey and 32 x 32 pixels; of its two-dimensional DCT-II the 8 x 8 lowest frequencies are kept, and
    each bit says whether a coefficient lies above their median (row by row, first bit highest). Zauner, *Implementation
    and benchmarking of perceptual image hash functions*, 2010.
    """
    grey = rgb.convert("L").resize((HASH_PIXELS, HASH_PIXELS), Image.Resampling.LANCZOS, reducing_gap=3.0)
    coefficients = _COSINES @ np.asarray(grey, dtype=np.float64) @ _COSINES.T
    coefficients = coefficients.round(3)  # what is zero but for rounding must not decide a bit
    bits = (coefficients > np.median(coefficients)).ravel()
    return np.packbits(bits).tobytes().hex()


_COSINES = np.cos(
    np.pi / (2 * HASH_PIXELS) * np.outer(np.arange(HASH_SIDE), 2 * np.arange(HASH_PIXELS) + 1)
)  # the first rows of the DCT-II


def _decode(file: BinaryIO, max_pixels: int | None) -> Decoded:
    if not file.read(1):
        raise UnreadableError("empty file", "0 bytes")
    file.seek(0)
    try:
        with _limited(max_pixels), Image.open(file, formats=FORMATS) as image:
            mode, frames = image.mode, int(getattr(image, "n_frames", 1))
            exif = _exif(image)
            return Decoded(
                image=_pixels(file, image),
                mode=mode,
                format=str(image.format),
                frames=frames,
                orientation=_orientation(exif),
                taken=_time(exif),
                camera=_camera(exif),
                latitude=_degrees(exif, ExifTags.GPS.GPSLatitude, ExifTags.GPS.GPSLatitudeRef, 90),
                longitude=_degrees(exif, ExifTags.GPS.GPSLongitude, ExifTags.GPS.GPSLongitudeRef, 180),
            )
    except UnidentifiedImageError:
        raise UnreadableError("not an image", "no known image format") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        found = re.search(r"\((\d+) pixels\)", str(error))
        size = f"{int(found[1]):,} pixels" if found else "more pixels"
        raise UnreadableError("too many pixels", f"{size}, where {max_pixels or 0:,} are allowed") from None
    except MemoryError:
        raise UnreadableError("too many pixels", "they do not fit into the memory") from None
    except DECODER_ERRORS as error:
        text = re.sub(r"<[^>]*>", "the file", str(error))  # no addresses: the same file, the same detail
        unsupported = isinstance(error, NotImplementedError) or "unsupported" in text.lower()
        raise UnreadableError("unsupported" if unsupported else "damaged", text or type(error).__name__) from None


@contextmanager
def _limited(max_pixels: int | None) -> Iterator[None]:
    """Hold every size that Pillow meets, also of tiles and embedded images, to the limit."""
    before = Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        Image.MAX_IMAGE_PIXELS = max_pixels
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


def _pixels(file: BinaryIO, image: Image.Image) -> Image.Image:
    """The upright pixels of the first frame, free of the file and of its metadata."""
    if image.format == "PNG":
        here = file.tell()
        file.seek(0)
        Image.open(file, formats=("PNG",)).verify()
        file.seek(here)
    if image.format in ("JPEG", "MPO"):
        file.seek(0)
        data = file.read()
        if image.mode in _JPEG_COLOURS:
            decoded = simplejpeg.decode_jpeg(data, _JPEG_COLOURS[image.mode], strict=True)
            return _upright(
                Image.fromarray(decoded.squeeze(2) if image.mode == "L" else decoded), _orientation(_exif(image))
            )
        simplejpeg.decode_jpeg(data, "CMYK", strict=True)  # the check; Pillow knows how Adobe inverts these
    image.load()
    pixels = _upright(image, _orientation(_exif(image)))  # read again: Pillow has turned a TIFF by now
    pixels.info = {key: value for key, value in image.info.items() if key == "transparency"}
    return pixels


_JPEG_COLOURS = {"L": "GRAY", "RGB": "RGB"}


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    return image.copy() if orientation == 1 else image.transpose(_UPRIGHT[orientation])


def _exif(image: Image.Image) -> dict[int, Any]:
    """The EXIF fields that the catalog holds; GPS fields below the key of their directory. Damaged EXIF is none."""
    try:
        exif = image.getexif()
        return {
            **exif,
            **exif.get_ifd(ExifTags.IFD.Exif),
            int(ExifTags.IFD.GPSInfo): dict(exif.get_ifd(ExifTags.IFD.GPSInfo)),
        }
    except DECODER_ERRORS:
        return {}


def _orientation(exif: dict[int, Any]) -> int:
    value = exif.get(ExifTags.Base.Orientation)
    return value if isinstance(value, int) and value in _UPRIGHT else 1


def _time(exif: dict[int, Any]) -> str | None:
    text = _text(exif.get(ExifTags.Base.DateTimeOriginal)) or _text(exif.get(ExifTags.Base.DateTime))
    try:
        return datetime.strptime(text, "%Y:%m:%d %H:%M:%S").isoformat()
    except ValueError:
        return None


def _camera(exif: dict[int, Any]) -> str | None:
    make, model = _text(exif.get(ExifTags.Base.Make)), _text(exif.get(ExifTags.Base.Model))
    return (model if model.startswith(make) else f"{make} {model}".strip()) or None


def _text(value: object) -> str:
    text = value if isinstance(value, str) else ""
    return "".join(sign for sign in text if sign.isprintable()).strip()


def _degrees(exif: dict[int, Any], field: int, reference: int, limit: float) -> float | None:
    gps = exif.get(int(ExifTags.IFD.GPSInfo), {})
    try:
        degrees, minutes, seconds = (float(part) for part in gps[field])
        value = degrees + minutes / 60 + seconds / 3600
    except DECODER_ERRORS:
        return None
    if not 0 <= value <= limit:  # also where it is no number
        return None
    return round(-value if _text(gps.get(reference)).upper() in ("S", "W") else value, 7)


def _eight_bit(values: np.ndarray) -> np.ndarray:
    """Values of one channel with more than 8 bits, scaled to uint8 (see `to_rgb`)."""
    tops = (1.0, 255.0) if values.dtype.kind == "f" else (65535.0,)
    values = np.nan_to_num(values.astype(np.float32), posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    if low >= 0:
        low, high = 0.0, next((top for top in tops if high <= top), high)
    return ((values - low) * (255 / max(high - low, 1e-30))).round().astype(np.uint8)
