"""Taking out of an image file what it says beside its pixels: place, time, camera, comments, thumbnails.

The pixels are not decoded: blocks of the file are left out, and what is kept is a list of what readers need to show the
same picture, so that metadata of kinds unknown today goes as well. How the picture stands is kept, as the one EXIF
field, because it would be shown turned without.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image, TiffImagePlugin

from tasks import jpeg_segments
from tasks.exif import DECODER_ERRORS, orientation
from tasks.images import UnreadableError, decoding, header
from tasks.tiff import as_meant

# What decoders need: frames and tables, scans. Of application segments what `_jpeg_application` says stays.
_JPEG_NEEDED = (*range(0xC0, 0xC8), *range(0xC9, 0xD0), *range(jpeg_segments.SCAN, jpeg_segments.RESTART + 1))
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
_PNG_NEEDED = (b"IHDR", b"PLTE", b"IDAT")
# Of the chunks that a reader may skip those that change what is seen.
_PNG_KEPT = (
    *(b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"sBIT", b"pHYs", b"bKGD", b"mDCV", b"cLLI"),
    *(b"acTL", b"fcTL", b"fdAT"),
)
_WEBP_PICTURE = (b"VP8 ", b"VP8L", b"ANMF")
_WEBP_KEPT = (b"VP8X", b"ALPH", b"ANIM", b"ICCP", *_WEBP_PICTURE)
_WEBP_FRAME = 16  # bytes of a frame before its own chunks
_WEBP_EXIF, _WEBP_XMP = 0x08, 0x04
_TIFF_BITS = 258
_TIFF_DEEP = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")  # modes in which Pillow keeps more than 8 bits a sample
_PPM_RAW = re.compile(rb"P([456])\s+(\d+)\s+(\d+)\s+(?:(\d+)\s)?")
_PPM_PLAIN = re.compile(rb"P[123][\s\d]*")


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
    and files that are built otherwise than their format says, stay as they are and do not count as clean, unless their
    format has no place for metadata: BMP, and PPM without comments.
    """
    try:
        stripped = _strip(content)
    except (ValueError, IndexError, struct.error):
        stripped = None
    if stripped is None:
        return Stripped(content, changed=False, clean=_has_no_place(content))
    return Stripped(stripped, changed=stripped != content, clean=True)


def _strip(content: bytes) -> bytes | None:
    """The file without metadata, or None where that can't be had without loss."""
    if content.startswith(jpeg_segments.START):
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
    segments = list(jpeg_segments.segments(content))
    application = [kept for marker, segment in segments if (kept := _jpeg_application(marker, segment))]
    density = [segment for segment in application if segment[1] == 0xE0][:1]  # must come first
    exif = _orientation_exif(content)
    if exif:
        payload = b"Exif\0\0" + exif
        density.append(b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload)
    for marker, segment in segments:
        if marker in _JPEG_NEEDED and not _jpeg_is_sound(marker, segment):
            raise ValueError("a segment is not what its marker says")
    return b"".join(
        [
            *(jpeg_segments.START, *density, *(segment for segment in application if segment[1] != 0xE0)),
            *(segment for marker, segment in segments if marker in _JPEG_NEEDED),
            jpeg_segments.END,
        ]
    )


def _jpeg_application(marker: int, segment: bytes) -> bytes:
    """Of a segment for applications what changes what is seen; empty if nothing does."""
    if marker == 0xE0 and segment[4:].startswith(b"JFIF\0") and len(segment) >= 18:
        return segment[:2] + b"\0\x10" + segment[4:16] + b"\0\0"  # the density, without a thumbnail
    if marker == 0xE2 and segment[4:].startswith(b"ICC_PROFILE\0"):
        return segment
    if marker == 0xEE and segment[4:].startswith(b"Adobe") and len(segment) >= 16:
        return segment[:2] + b"\0\x0e" + segment[4:16]  # up to the colour space
    return b""


def _jpeg_is_sound(marker: int, segment: bytes) -> bool:
    """Whether a segment that decoders need is as long as what it holds, so that nothing else is in it."""
    length = int(struct.unpack_from(">H", segment, 2)[0]) - 2
    body = segment[4 : 4 + length]
    if marker in (jpeg_segments.LINES, jpeg_segments.RESTART):
        return length == 2
    if marker == jpeg_segments.ARITHMETIC:
        return length % 2 == 0 and length <= 64
    if marker == jpeg_segments.SCAN:
        return length == 4 + 2 * body[0]
    if marker not in (jpeg_segments.QUANTISATION, jpeg_segments.HUFFMAN):
        return length == 6 + 3 * body[5]
    at = 0
    while at < length:
        if marker == jpeg_segments.QUANTISATION:
            at += 129 if body[at] >> 4 else 65
        else:
            at += 17 + sum(body[at + 1 : at + 17])
    return at == length


def _strip_png(content: bytes) -> bytes:
    exif = _orientation_exif(content)
    kept, at, name = [_PNG], len(_PNG), b""
    # Where the file ends too early by its last chunk, or a part of that, readers show it nevertheless.
    while name != b"IEND" and not _PNG_END.startswith(content[at : at + 12]):
        length, name = struct.unpack_from(">I4s", content, at)
        end = at + length + 12
        if end > len(content):
            raise ValueError("a chunk is longer than the file")
        if name in _PNG_NEEDED or name in _PNG_KEPT:
            if zlib.crc32(content[at + 4 : end - 4]) != struct.unpack_from(">I", content, end - 4)[0]:
                raise ValueError("a chunk is damaged")
            kept.append(content[at:end])
        elif name[:1].isupper() and name != b"IEND":
            raise ValueError("a chunk that every reader must know is unknown")
        if name == b"IHDR" and exif:
            chunk = b"eXIf" + exif
            kept.append(struct.pack(">I", len(exif)) + chunk + struct.pack(">I", zlib.crc32(chunk)))
        at = end
    return b"".join([*kept, _PNG_END])


def _strip_webp(content: bytes) -> bytes:
    exif = _orientation_exif(content)
    kept = []
    for name, data in _webp_chunks(content[12 : 8 + int(struct.unpack_from("<I", content, 4)[0])]):
        if name == b"VP8X":
            flags = data[0] & ~(_WEBP_EXIF | _WEBP_XMP) | (_WEBP_EXIF if exif else 0)
            kept.append((name, bytes([flags]) + data[1:]))
        elif name == b"ANMF":
            own = [chunk for chunk in _webp_chunks(data[_WEBP_FRAME:]) if chunk[0] in _WEBP_KEPT]
            kept.append((name, data[:_WEBP_FRAME] + b"".join(_webp_chunk(*chunk) for chunk in own)))
        elif name in _WEBP_KEPT:
            kept.append((name, data))
    if not any(name in _WEBP_PICTURE for name, _ in kept):
        raise ValueError("no picture where one must be")
    if exif:
        kept.append((b"EXIF", exif))
    body = b"WEBP" + b"".join(_webp_chunk(*chunk) for chunk in kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _webp_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The name and the data of each chunk."""
    at = 0
    while at + 8 <= len(content):
        name, length = struct.unpack_from("<4sI", content, at)
        data = content[at + 8 : at + 8 + length]
        if len(data) < length:
            raise ValueError("a chunk is longer than the file")
        yield name, data
        at += 8 + length + length % 2


def _webp_chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def _strip_tiff(content: bytes) -> bytes | None:
    """The same pixels written anew: in a TIFF metadata and picture are woven into each other by offsets."""
    try:
        with decoding(), Image.open(io.BytesIO(content)) as image:
            if not isinstance(image, TiffImagePlugin.TiffImageFile) or image.n_frames != 1:
                return None
            if max(image.tag_v2.get(_TIFF_BITS, (1,))) > 8 and image.mode not in _TIFF_DEEP:
                return None  # Pillow reads the upper bits only
            if as_meant(image, image) is not image:
                return None  # written anew it would be read otherwise
            pixels, mode, size = image.tobytes(), image.mode, image.size  # upright: Pillow turns a TIFF itself
            palette = image.getpalette()
            icc, dpi = image.info.get("icc_profile"), image.info.get("dpi")
        bare = Image.frombytes(mode, size, pixels)
        if palette is not None:
            bare.putpalette(palette)
        out = io.BytesIO()
        known = {"dpi": tuple(float(value) for value in dpi)} if dpi else {}
        bare.save(out, "TIFF", compression="tiff_lzw", icc_profile=icc, **known)
        with decoding(), Image.open(io.BytesIO(out.getvalue())) as again:
            same = (again.mode, again.size, again.tobytes()) == (mode, size, pixels)
    except DECODER_ERRORS:
        return None
    return out.getvalue() if same else None


def _orientation_exif(content: bytes) -> bytes:
    """EXIF that holds nothing but how the image must be turned; empty where it stands upright."""
    try:
        with header(io.BytesIO(content)) as image:
            turned = orientation(dict(image.getexif()))
    except (UnreadableError, *DECODER_ERRORS):
        return b""
    if turned == 1:
        return b""
    # A TIFF header, and one directory with one field: tag 0x0112, type short, one value.
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, turned, 0, 0)


def _has_no_place(content: bytes) -> bool:
    """Whether the file is all picture: of a format that has no place for metadata, with nothing behind its end."""
    if content.startswith(b"BM"):
        return _opens(content) and len(content) == struct.unpack_from("<I", content, 2)[0]
    if _PPM_PLAIN.fullmatch(content):
        return _opens(content)
    raw = _PPM_RAW.match(content)
    if raw is None:
        return False
    kind, width, height, most = raw[1], int(raw[2]), int(raw[3]), int(raw[4] or 1)
    row = -(-width // 8) if kind == b"4" else width * (3 if kind == b"6" else 1) * (2 if most > 255 else 1)
    return len(content) == raw.end() + row * height


def _opens(content: bytes) -> bool:
    try:
        with decoding(), Image.open(io.BytesIO(content)) as image:
            image.load()
    except DECODER_ERRORS:
        return False
    return True
