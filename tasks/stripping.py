"""Taking out of an image file what it says beside its pixels: place, time, camera, comments, thumbnails.

The pixels are not decoded: blocks of the file are left out, and what is kept is a list of what readers need to show the
same picture, so that metadata of kinds unknown today goes as well. How the picture stands is kept, as the one EXIF
field, because it would be shown turned without.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from tasks.exif import DECODER_ERRORS, orientation

# JFIF density, ICC profile, and Adobe's word on the colour space.
_JPEG_KEPT = ((0xE0, b"JFIF\0"), (0xE2, b"ICC_PROFILE\0"), (0xEE, b"Adobe"))
_JPEG_BARE = (0x01, *range(0xD0, 0xD8))  # markers without a length
_PNG = b"\x89PNG\r\n\x1a\n"
# Of the chunks that a reader may skip those that change what is seen; all critical ones (capital first letter) stay.
_PNG_KEPT = (
    *(b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"sBIT", b"pHYs", b"bKGD", b"mDCV", b"cLLI"),
    *(b"acTL", b"fcTL", b"fdAT"),
)
_WEBP_KEPT = (b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP")
_WEBP_EXIF, _WEBP_XMP = 0x08, 0x04
_PLAIN = ("BMP", "PPM", "DIB", "PCX", "TGA", "SGI")  # formats that have no place for EXIF or XMP


@dataclass(frozen=True)
class Stripped:
    """A file without metadata.

    Attributes
    ----------
    content
        Its bytes: those of the original where nothing had to go, or nothing could be done.
    changed
        Whether they differ from the original's.
    clean
        Whether no metadata are left; false for formats that can't be stripped without loss.
    """

    content: bytes
    changed: bool
    clean: bool


def strip(content: bytes) -> Stripped:
    """Take the metadata out of an image file.

    JPEG, PNG and WebP lose blocks of the file, TIFF with one page is written anew without loss. Files of other formats,
    and files that are built otherwise than their format says, stay as they are and count as clean only if they hold no
    metadata that Pillow finds.
    """
    try:
        stripped = _strip(content)
    except (ValueError, IndexError, struct.error):
        stripped = None
    if stripped is None:
        return Stripped(content, changed=False, clean=not _has_metadata(content))
    return Stripped(stripped, changed=stripped != content, clean=True)


def _strip(content: bytes) -> bytes | None:
    """The file without metadata, or None where that can't be had without loss."""
    if content.startswith(b"\xff\xd8"):
        return _strip_jpeg(content)
    if content.startswith(_PNG):
        return _strip_png(content)
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return _strip_webp(content)
    if content[:4] in (b"II*\0", b"MM\0*"):
        return _strip_tiff(content)
    return None


def _strip_jpeg(content: bytes) -> bytes:
    """Keep the image's own segments; what follows its end (a second picture, a maker's trailer) goes."""
    segments = list(_jpeg_segments(content))
    kept = [b"\xff\xd8"]
    first = [segment for marker, segment in segments[:1] if _jpeg_is_kept(marker, segment) and marker == 0xE0]
    kept += first
    exif = _orientation_exif(content)
    if exif:
        payload = b"Exif\0\0" + exif
        kept.append(b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload)
    kept += [segment for marker, segment in segments[len(first) :] if _jpeg_is_kept(marker, segment)]
    return b"".join([*kept, b"\xff\xd9"])


def _jpeg_is_kept(marker: int, segment: bytes) -> bool:
    if 0xE0 <= marker <= 0xEF:
        return any(marker == kind and segment[4:].startswith(name) for kind, name in _JPEG_KEPT)
    return marker != 0xFE


def _jpeg_segments(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The marker and bytes of each segment between the start and the end of the image; scans with their data."""
    at = 2
    while True:
        if content[at] != 0xFF:
            raise ValueError("no marker where one must be")
        while content[at + 1] == 0xFF:  # fill bytes
            at += 1
        marker = content[at + 1]
        if marker == 0xD9:
            return
        length = 0 if marker in _JPEG_BARE else int(struct.unpack_from(">H", content, at + 2)[0])
        end = at + 2 + length
        if marker == 0xDA:
            end = _scan_end(content, end)
        if end > len(content):
            raise ValueError("a segment is longer than the file")
        yield marker, content[at:end]
        at = end


def _scan_end(content: bytes, at: int) -> int:
    """Where the compressed data that start at `at` end: at a marker that is no restart and no stuffed byte."""
    while True:
        at = content.index(b"\xff", at)
        if content[at + 1] == 0xFF:
            at += 1
        elif content[at + 1] == 0 or 0xD0 <= content[at + 1] <= 0xD7:
            at += 2
        else:
            return at


def _strip_png(content: bytes) -> bytes:
    exif = _orientation_exif(content)
    kept, at, name = [_PNG], len(_PNG), b""
    while name != b"IEND":
        length, name = struct.unpack_from(">I4s", content, at)
        end = at + length + 12
        if end > len(content):
            raise ValueError("a chunk is longer than the file")
        if name[:1].isupper() or name in _PNG_KEPT:
            kept.append(content[at:end])
        if name == b"IHDR" and exif:
            chunk = b"eXIf" + exif
            kept.append(struct.pack(">I", len(exif)) + chunk + struct.pack(">I", zlib.crc32(chunk)))
        at = end
    return b"".join(kept)


def _strip_webp(content: bytes) -> bytes:
    exif = _orientation_exif(content)
    kept, at = [], 12
    end = min(len(content), 8 + int(struct.unpack_from("<I", content, 4)[0]))
    while at + 8 <= end:
        name, length = struct.unpack_from("<4sI", content, at)
        chunk = content[at : at + 8 + length] + b"\0" * (length % 2)
        if len(chunk) < 8 + length:
            raise ValueError("a chunk is longer than the file")
        if name == b"VP8X":
            flags = chunk[8] & ~(_WEBP_EXIF | _WEBP_XMP) | (_WEBP_EXIF if exif else 0)
            chunk = chunk[:8] + bytes([flags]) + chunk[9:]
        if name in _WEBP_KEPT:
            kept.append(chunk)
        at += 8 + length + length % 2
    if exif:
        kept.append(b"EXIF" + struct.pack("<I", len(exif)) + exif + b"\0" * (len(exif) % 2))
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _strip_tiff(content: bytes) -> bytes | None:
    """The same pixels written anew: in a TIFF metadata and picture are woven into each other by offsets."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            if getattr(image, "n_frames", 1) != 1:
                return None
            pixels, mode, size = image.tobytes(), image.mode, image.size  # upright: Pillow turns a TIFF itself
            palette = image.getpalette()
            icc, dpi = image.info.get("icc_profile"), image.info.get("dpi")
        bare = Image.frombytes(mode, size, pixels)
        if palette is not None:
            bare.putpalette(palette)
        out = io.BytesIO()
        known = {"dpi": tuple(float(value) for value in dpi)} if dpi else {}
        bare.save(out, "TIFF", compression="tiff_lzw", icc_profile=icc, **known)
        with Image.open(io.BytesIO(out.getvalue())) as again:
            same = (again.mode, again.size, again.tobytes()) == (mode, size, pixels)
    except DECODER_ERRORS:
        return None
    return out.getvalue() if same else None


def _orientation_exif(content: bytes) -> bytes:
    """EXIF that holds nothing but how the image must be turned; empty where it stands upright."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            turned = orientation(dict(image.getexif()))
    except DECODER_ERRORS:
        return b""
    if turned == 1:
        return b""
    # A TIFF header, and one directory with one field: tag 0x0112, type short, one value.
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, turned, 0, 0)


def _has_metadata(content: bytes) -> bool:
    try:
        with Image.open(io.BytesIO(content)) as image:
            if image.format in _PLAIN:
                return False
            return bool(image.getexif()) or bool({"exif", "xmp", "comment", "Comment"} & image.info.keys())
    except DECODER_ERRORS:
        return True
