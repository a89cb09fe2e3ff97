"""Opening one image safely: whatever is wrong with a file ends in one exception, and what comes out stands upright.

Pillow alone does not notice most damage in a JPEG (of 200 files with 20 flipped bits it reports 24), so JPEGs are
decoded strictly by libjpeg-turbo, and the checksums of PNGs are verified. What is whole but written in an unusual way
(`tasks.jpeg_oddities`, `tasks.png_essence`) is read nevertheless. A header is held to the limit of pixels before a
pixel is decoded. Formats that run other programs (EPS) or hold no pixels of their own are not tried.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from tasks import deep_colour, exif, heic, high_bytes, jpeg, png_essence, tiff
from tasks.c_libraries import printed
from tasks.deep_colour import AnyImage, DeepColour
from tasks.depth import DEPTHS, FULL, bits_for, eight_bit, top
from tasks.errors import InputError
from tasks.formats import ARCHIVE, DICOM, HEAD, HEIC, IMAGE, JPEG_XL, RAW, TEXT, VIDEO, Kind, kind_of

FORMATS = (
    *("JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP", "DIB", "AVIF", "JPEG2000", "PPM"),
    *("ICO", "ICNS", "TGA", "PCX", "DCX", "SGI", "SUN", "QOI", "DDS", "PSD", "MSP", "XBM", "IM", "FLI"),
)  # Pillow's names; its JPEG reader also makes MPO
# Reasons of `UnreadableError`.
EMPTY = "empty file"
NOT_AN_IMAGE = "not an image"
TOO_LARGE = "too many pixels"
DAMAGED = "damaged"
UNSUPPORTED = "unsupported"
UNOPENED = "can't be opened"
OTHER_FILE = "other file"  # nobody took it for an image
BACKGROUND = 128  # mid grey: dark and bright drawings both show on it, and it is near zero for the backbone

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
        The first frame, upright (EXIF orientation applied), in the mode of the file; integers of 32 bits that fit into
        16 as 16-bit grey.
    mode, format
        Pillow's names, as the file has them; ``RGB;16`` and ``RGBA;16`` for colours of 16 bits a value.
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
    dpi
        Pixels an inch that the file names, across.
    jpeg_quality
        Quality of a JPEG, 1 to 100 (see `tasks.jpeg`).
    oddities
        What is unusual in how the file is written, though its pixels are whole.
    """

    image: AnyImage
    mode: str
    format: str
    frames: int
    orientation: int
    taken: str | None
    camera: str | None
    latitude: float | None
    longitude: float | None
    dpi: float | None
    jpeg_quality: int | None
    oddities: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """Pixels, upright."""
        return self.image.width

    @property
    def height(self) -> int:
        """Pixels, upright."""
        return self.image.height

    @property
    def bits(self) -> int:
        """Bits a value: 8 or 32, and of 16 those that it uses (`tasks.depth.DEPTHS`)."""
        if isinstance(self.image, DeepColour):
            return bits_for(int(self.image.colours.max()))
        if self.image.mode.startswith("I;16"):
            return bits_for(int(np.asarray(self.image).max()))
        return 32 if self.image.mode.startswith(("I", "F")) else 8


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
        raise UnreadableError(UNOPENED, error.strerror or type(error).__name__) from None
    except ValueError as error:  # a name that no file can have
        raise UnreadableError(UNOPENED, str(error)) from None
    with file:
        return _decode(file, max_pixels)


def size_in_header(path: Path) -> tuple[int, int] | None:
    """Width and height that a file's header names, before it is turned upright; None where it can't be read as one."""
    try:
        with path.open("rb") as file, header(file) as image:
            return image.size
    except (UnreadableError, MemoryError, *exif.DECODER_ERRORS):
        return None


def bits_used(path: Path) -> int | None:
    """Of 16 bits a value those that an image uses (`tasks.depth.DEPTHS`); None for others, which aren't decoded."""
    try:
        with path.open("rb") as file, header(file) as image:
            if not (deep_colour.is_deep_colour(image) or image.mode.startswith("I")):
                return None
        bits = open_image(path).bits
    except (UnreadableError, MemoryError, *exif.DECODER_ERRORS):
        return None
    return bits if bits in DEPTHS else None


@contextmanager
def header(file: BinaryIO) -> Iterator[Image.Image]:
    """A file as Pillow opens it before a pixel is decoded, also where it is whole but unusual.

    Of the texts of a PNG only those are there that hold EXIF, and its colour profile if it is not very large.

    Raises
    ------
    UnreadableError, and those of `tasks.exif.DECODER_ERRORS`
        The file can't be read as an image.
    """
    head = file.read(HEAD)
    file.seek(0)
    formats = _formats(kind_of(head))
    usual, _ = _usual(file, head, profile=True)
    with decoding(), Image.open(usual, formats=formats) as image:
        yield image


def open_rgb(path: Path, depth: int) -> Image.Image:
    """An image that the catalog holds, upright and as 8-bit RGB; `depth` is that of the dataset (see `to_rgb`).

    Raises
    ------
    InputError
        The file is gone or can't be read any more.
    """
    try:
        return to_rgb(open_image(path).image, depth)
    except UnreadableError as error:
        raise InputError(
            f"{path}: can't be read as an image any more ({error}); `equipoise run --force ingest` looks again"
        ) from error


def to_rgb(image: AnyImage, depth: int) -> Image.Image:
    """An image of any mode as 8-bit RGB; what models, reports and hashes see.

    Transparent pixels lie on mid grey (128). 16-bit values are scaled from 0..2^depth - 1 to 0..255, the same for all
    images, so that brightness stays comparable; so are 32-bit integers that fit into 16 (`open_image`). Floats are
    taken as 0..1 or 0..255 where they fit; other ranges are stretched, from zero or a negative minimum to the maximum.
    CMYK is converted without a colour profile.

    Parameters
    ----------
    image
        Upright, as `open_image` gives it.
    depth
        Bits of 16-bit values that the dataset uses, or the model's did (`tasks.depth.DEPTHS`); other images do not
        change with it.

    Raises
    ------
    UnreadableError
        The mode has no conversion to RGB (for instance LAB).
    """
    if isinstance(image, DeepColour):
        image = image.shown(depth)
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I;16"):
        return Image.fromarray(eight_bit(np.asarray(image), depth)).convert("RGB")
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(_eight_bit(np.asarray(image))).convert("RGB")
    try:
        if not image.has_transparency_data:
            return image.convert("RGB")
        layer = image.convert("RGBA")
    except ValueError as error:
        raise UnreadableError(UNSUPPORTED, f"mode {image.mode}: {error}") from None
    ground = Image.new("RGBA", layer.size, (BACKGROUND, BACKGROUND, BACKGROUND, 255))
    return Image.alpha_composite(ground, layer).convert("RGB")


def _decode(file: BinaryIO, max_pixels: int | None) -> Decoded:
    head = file.read(HEAD)
    if not head:
        raise UnreadableError(EMPTY, "0 bytes")
    file.seek(0)
    kind = kind_of(head)
    formats = _formats(kind)
    try:
        file, oddities = _usual(file, head)
        with decoding(max_pixels) as lines, Image.open(file, formats=formats) as image:
            mode, frames = image.mode, int(getattr(image, "n_frames", 1))
            is_deep = deep_colour.is_deep_colour(image)  # before EXIF is read, which loads a PNG
            is_cut = high_bytes.holds_high_bytes(image, file)
            fields = exif.read(image)
            pixels, others = _pixels(file, image, is_deep)
            if is_cut and not isinstance(pixels, DeepColour):
                high_bytes.check(pixels)
                others.append(high_bytes.ODDITY)
            decoded = Decoded(
                image=pixels,
                mode=pixels.mode if isinstance(pixels, DeepColour) else mode,
                format=str(image.format),
                frames=frames,
                orientation=exif.orientation(fields),
                taken=exif.taken(fields),
                camera=exif.camera(fields),
                latitude=exif.latitude(fields),
                longitude=exif.longitude(fields),
                dpi=exif.dpi(image),
                jpeg_quality=jpeg.quality(image),
                oddities=(*oddities, *others),
            )
        if decoded.format == "TIFF" and (wrong := tiff.damage(lines)):
            raise ValueError(wrong)
        return decoded
    except UnidentifiedImageError:
        with decoding():
            layout = tiff.unknown_layout(file)
        if layout:
            raise UnreadableError(UNSUPPORTED, layout) from None
        if can_read(kind):
            raise UnreadableError(DAMAGED, "its beginning can't be read") from None
        raise UnreadableError(NOT_AN_IMAGE, "text" if kind is TEXT else "no known image format") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        found = re.search(r"\((\d+) pixels\)", str(error))
        size = f"{int(found[1]):,} pixels" if found else "more pixels"
        raise UnreadableError(TOO_LARGE, f"{size}, where {max_pixels or 0:,} are allowed") from None
    except MemoryError:
        raise UnreadableError(TOO_LARGE, "they do not fit into the memory") from None
    except exif.DECODER_ERRORS as error:
        text = re.sub(r"<[^>]*>", "the file", str(error))  # no addresses: the same file, the same detail
        unsupported = isinstance(error, NotImplementedError) or "unsupported" in text.lower()
        raise UnreadableError(UNSUPPORTED if unsupported else DAMAGED, text or type(error).__name__) from None


def _usual(file: BinaryIO, head: bytes, profile: bool = False) -> tuple[BinaryIO, list[str]]:
    """The file without what Pillow stumbles over though the picture is whole, and what was unusual.

    Raises
    ------
    ValueError
        It is not whole.
    """
    if not head.startswith(png_essence.SIGNATURE):
        return file, []
    content, oddities = png_essence.essence(file.read(), profile)
    return io.BytesIO(content), oddities


def can_read(kind: Kind) -> bool:
    """Whether files of a kind are images that can be read here, as far as their first bytes tell."""
    return kind is IMAGE or (kind is HEIC and bool(heic.version()))


def _formats(kind: Kind) -> tuple[str, ...]:
    """Pillow's names of the formats that a file of a kind may have.

    Raises
    ------
    UnreadableError
        The kind can't be read, or only a preview in it.
    """
    if kind in (VIDEO, ARCHIVE):
        raise UnreadableError(OTHER_FILE, f"{kind.name}: {kind.remedy}")
    if kind in (DICOM, RAW, JPEG_XL) or (kind is HEIC and not can_read(kind)):
        raise UnreadableError(UNSUPPORTED, f"{kind.name}: {kind.remedy}")
    if kind is HEIC:
        heic.register()
        return (heic.FORMAT,)
    return FORMATS


@contextmanager
def decoding(max_pixels: int | None = None) -> Iterator[list[str]]:
    """Let Pillow work quietly, and hold every size that it meets, also of tiles and embedded images, to the limit.

    What C libraries print meanwhile is there once the block has ended.
    """
    before = Image.MAX_IMAGE_PIXELS
    with printed() as lines, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        Image.MAX_IMAGE_PIXELS = max_pixels
        try:
            yield lines
        finally:
            Image.MAX_IMAGE_PIXELS = before


def _pixels(file: BinaryIO, image: Image.Image, is_deep: bool) -> tuple[AnyImage, list[str]]:
    """The upright pixels of the first frame, free of the file and of its metadata, and what is unusual in the file."""
    orientation, oddities = exif.orientation(exif.read(image)), list[str]()
    if image.format in ("JPEG", "MPO"):
        file.seek(0)
        decoded, content, oddities = jpeg.decode(file.read(), jpeg.COLOUR_SPACES.get(image.mode, "CMYK"))
        if image.mode in jpeg.COLOUR_SPACES:
            pixels = Image.fromarray(decoded.squeeze(2) if image.mode == "L" else decoded)
            return _upright(pixels, orientation), oddities
        image = Image.open(io.BytesIO(content), formats=("JPEG",))  # Pillow knows how Adobe inverts these
    white = _white_of_pgm(image)
    image.load()
    orientation = exif.orientation(exif.read(image))  # read again: Pillow has turned a TIFF by now
    deep = deep_colour.read(file, image, orientation) if is_deep else None
    if deep:
        return deep, oddities
    pixels = tiff.as_meant(image, _upright(image, orientation))
    pixels.info = {key: value for key, value in image.info.items() if key == "transparency"}
    return _of_sixteen_bits(pixels, white) if pixels.mode == "I" else pixels, oddities


def _white_of_pgm(image: Image.Image) -> int:
    """The value that is white in an opened PGM, which Pillow scales to 65,535; that for other files."""
    told = image.tile[0].args if isinstance(image, ImageFile.ImageFile) and image.format == "PPM" else ()
    return int(told[1]) if isinstance(told, tuple) and len(told) == 2 else top(FULL)


def _of_sixteen_bits(image: Image.Image, white: int) -> Image.Image:
    """Integers of 32 bits as 16-bit grey where they fit: as 32 Pillow also reads signed TIFFs and deep PGMs."""
    values = np.asarray(image)
    if white != top(FULL):
        values = (values * (white / top(FULL))).round()
    fits = values.min(initial=0) >= 0 and values.max(initial=0) <= top(FULL)
    return Image.fromarray(values.astype(np.uint16)) if fits else image


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    return image.copy() if orientation == 1 else image.transpose(_UPRIGHT[orientation])


def _eight_bit(values: np.ndarray) -> np.ndarray:
    """Integers of 32 bits or floats of one channel, scaled to uint8 (see `to_rgb`)."""
    tops = (1.0, 255.0) if values.dtype.kind == "f" else (65535.0,)
    values = np.nan_to_num(values.astype(np.float32), posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    if low >= 0:
        low, high = 0.0, next((top for top in tops if high <= top), high)
    return ((values - low) * (255 / max(high - low, 1e-30))).round().astype(np.uint8)
