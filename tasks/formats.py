"""What a file is, told from its first bytes; its name says nothing."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

HEAD = 4096  # bytes that are enough to tell


@dataclass(frozen=True)
class Kind:
    """What a file is.

    Attributes
    ----------
    name
        For people, such as ``DICOM``.
    remedy
        What to do with it so that it can be used; empty where there is nothing to do.
    shows_something
        Whether it holds a picture that somebody may miss.
    """

    name: str
    remedy: str = ""
    shows_something: bool = True


IMAGE = Kind("image")
HEIC = Kind("HEIC", "pip install 'equipoise[heif]'")
JPEG_XL = Kind("JPEG XL", "save it as PNG first, with djxl for instance")
DICOM = Kind("DICOM", "export it as PNG first, with dcmj2pnm or pydicom")
RAW = Kind("camera RAW", "develop it to TIFF or PNG first, with darktable or rawpy for instance")
VIDEO = Kind("video", "cut it into images first (ffmpeg), and give those of one video the same group", False)
ARCHIVE = Kind("archive", "unpack it first, or give it to `equipoise add` by itself", False)
TEXT = Kind("text", shows_something=False)
OTHER = Kind("other file", shows_something=False)

_STARTS = {
    IMAGE: (
        *(b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"qoif", b"8BPS\0\1", b"icns", b"DDS |\0\0\0"),
        *(b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51", b"\x59\xa6\x6a\x95"),
    ),
    JPEG_XL: (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"),
    DICOM: (b"\x02\0\0\0UL\x04\0",),  # without the preamble of 128 bytes
    RAW: (
        *(b"FUJIFILMCCD-RAW", b"IIU\0", b"IIRO", b"IIRS", b"MMOR", b"FOVb", b"\0MRM", b"II\x1a\0\0\0HEAPCCDR"),
        b"ARRI\x12\x34\x56\x78",
    ),
    VIDEO: (b"\x1a\x45\xdf\xa3", b"\0\0\1\xba", b"\0\0\1\xb3", b"FLV\1", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),
    ARCHIVE: (
        *(b"PK\3\4", b"PK\5\6", b"PK\7\x08", b"Rar!\x1a\7", b"7z\xbc\xaf\x27\x1c", b"\x1f\x8b\x08", b"BZh"),
        *(b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"),
    ),
}
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
_AVIF_BRANDS = (b"avif", b"avis")
_SOUND_BRANDS = (b"M4A ", b"M4B ", b"M4P ")
_MOVIE_BOXES = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")  # the first box of old QuickTime files
_TIFF = {b"II*\0": "<", b"MM\0*": ">"}
_BIG_TIFF = (b"II+\0\x08\0\0\0", b"MM\0+\0\x08\0\0")
_BITMAP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)  # bytes, of all versions
_PORTABLE = re.compile(rb"P[1-6]\s+(#[^\n]*\n\s*)*\d+\s")  # PBM, PGM, PPM
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")

# Fields of a TIFF's first directory, and what they hold in photos that are not developed.
_SUBFILE, _PHOTOMETRIC, _MAKER, _SUBDIRECTORIES, _DNG_VERSION = 254, 262, 271, 330, 50706
_UNDEVELOPED = (32803, 34892)  # a colour filter's array, and the same in three channels
_PREVIEW = 1


def kind_of(head: bytes) -> Kind:
    """What a file is that starts with `head`, which holds `HEAD` bytes, or all of a shorter file.

    Formats that have no mark at their beginning (TGA, PCX) are `OTHER`, though they can be read.
    """
    for kind, starts in _STARTS.items():
        if head.startswith(starts):
            return kind
    if head[128:132] == b"DICM":
        return DICOM
    if head[257:262] == b"ustar":
        return ARCHIVE
    if head[:4] in _TIFF:
        return RAW if _is_undeveloped(head) else IMAGE
    if head.startswith(_BIG_TIFF) or _PORTABLE.match(head) or _is_bitmap(head) or _is_sgi(head):
        return IMAGE
    if head[:4] == b"RIFF":
        return {b"WEBP": IMAGE, b"AVI ": VIDEO}.get(head[8:12], OTHER)
    if head[4:8] == b"ftyp":
        return _kind_of_media(head)
    if head[4:8] in _MOVIE_BOXES:
        return VIDEO
    return TEXT if _is_text(head) else OTHER


def _kind_of_media(head: bytes) -> Kind:
    """Of a file of the ISO base media format, by the brands that it names: HEIC, AVIF, a Canon RAW or a video."""
    size = min(int(struct.unpack_from(">I", head)[0]), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, size - 3, 4))]
    if brands[0] == b"crx ":
        return RAW
    if brands[0] in _SOUND_BRANDS:
        return OTHER
    if any(brand in _AVIF_BRANDS for brand in brands):
        return IMAGE
    return HEIC if any(brand in _HEIC_BRANDS for brand in brands) else VIDEO


def _is_undeveloped(head: bytes) -> bool:
    """Whether a TIFF is a photo as the sensor saw it (CR2, NEF, ARW, PEF, DNG), of which TIFF readers see a preview."""
    order = _TIFF[head[:4]]
    if head[8:10] == b"CR":
        return True
    fields = {}
    try:
        at = int(struct.unpack_from(f"{order}I", head, 4)[0])
        for number in range(struct.unpack_from(f"{order}H", head, at)[0]):
            tag, kind = struct.unpack_from(f"{order}HH", head, at + 2 + 12 * number)
            size = "H" if kind == 3 else "I"
            fields[tag] = int(struct.unpack_from(f"{order}{size}", head, at + 10 + 12 * number)[0])
    except struct.error:
        pass  # the rest of the directory stands further back
    is_preview = fields.get(_SUBFILE) == _PREVIEW and {_MAKER, _SUBDIRECTORIES} <= fields.keys()
    return _DNG_VERSION in fields or fields.get(_PHOTOMETRIC) in _UNDEVELOPED or is_preview


def _is_bitmap(head: bytes) -> bool:
    return head[:2] == b"BM" and len(head) >= 18 and struct.unpack_from("<I", head, 14)[0] in _BITMAP_HEADERS


def _is_sgi(head: bytes) -> bool:
    return head[:2] == b"\x01\xda" and head[2:3] in (b"\0", b"\1") and head[3:4] in (b"\1", b"\2")


def _is_text(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # else a letter is cut in two
            return False
        text = head[: error.start].decode()
    return bool(text) and not _CONTROL.search(text)
