"""What of a PNG decides its picture: those chunks are verified, and alone are handed to the decoder.

Texts and colour profiles are not read by this project, and Pillow refuses a whole image whose texts are large.
"""

from __future__ import annotations

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
END = b"\0\0\0\0IEND\xaeB`\x82"
MOST_TEXT = 1_000_000  # bytes of a text or profile, unpacked; larger ones are not read

# Chunks that a reader may skip, but that turn, cut or colour what is seen, or that the catalog holds.
_DECIDING = (b"tRNS", b"eXIf", b"acTL", b"fcTL", b"fdAT", b"pHYs")
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_WITH_ORIENTATION = (b"Raw profile type exif\0", b"XML:com.adobe.xmp\0")
# Further known ones: whatever stands in them, the picture is the same.
_IDLE = (*_TEXTS, b"iCCP", b"tIME", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"bKGD", b"hIST", b"sPLT", b"cICP")


def essence(data: bytes, profile: bool = False) -> tuple[bytes, list[str]]:
    """The PNG with nothing but what decides its picture, and what was unusual.

    Parameters
    ----------
    data
        The file.
    profile
        Keep its colour profile as well, unless it is very large.

    Raises
    ------
    ValueError
        A chunk that decides the picture has a wrong checksum, or the file ends too early.
    """
    kept, oddities, texts = [SIGNATURE], list[str](), set[bytes]()
    at, name = len(SIGNATURE), b""
    while name != b"IEND":
        if END.startswith(data[at : at + len(END)]) and len(data) - at < len(END):
            if not _is_complete(kept):
                raise ValueError("the file ends too early")
            kept.append(END)
            oddities.append("no end chunk")
            break
        if at + 12 > len(data):
            raise ValueError("the file ends too early")
        length, name = struct.unpack_from(">I4s", data, at)
        end = at + length + 12
        if end > len(data):
            raise ValueError("the file ends too early")
        body = data[at + 8 : end - 4]
        is_whole = zlib.crc32(body, zlib.crc32(name)) == struct.unpack_from(">I", data, end - 4)[0]
        if not is_whole and name not in _IDLE:
            raise ValueError(f"wrong checksum in the chunk {name!r}")
        if not is_whole:
            oddities.append(f"wrong checksum in the chunk {name.decode()}")
        elif name[:1].isupper() or name in _DECIDING:
            kept.append(data[at:end])
        elif not _is_small(name, body):
            oddities.append(f"more than {MOST_TEXT // 1_000_000} MB in the chunk {name.decode()}")
        elif name == b"iCCP" and profile:
            kept.append(data[at:end])
        elif name in _TEXTS and (keys := {key for key in _WITH_ORIENTATION if body.startswith(key)} - texts):
            texts |= keys
            kept.append(data[at:end])
        at = end
    if at < len(data) and name == b"IEND":
        oddities.append("bytes behind the end")
    return b"".join(kept), oddities


def _is_small(name: bytes, body: bytes) -> bool:
    """Whether a chunk fits into `MOST_TEXT`; a packed one is unpacked only so far, a damaged one counts as empty."""
    if len(body) > MOST_TEXT:
        return False
    rest = body.partition(b"\0")[2]
    packed = rest[1:] if name in (b"zTXt", b"iCCP") else b""
    if name == b"iTXt" and rest[:1] != b"\0":
        packed = rest[2:].split(b"\0", 2)[-1]
    try:
        unpacker = zlib.decompressobj()
        unpacker.decompress(packed, MOST_TEXT)
    except zlib.error:
        return True
    return not unpacker.unconsumed_tail


def _is_complete(chunks: list[bytes]) -> bool:
    """Whether the compressed pixels come to their own end, and their checksum is right."""
    unpacker = zlib.decompressobj()
    try:
        for chunk in chunks:
            rest = chunk[8:-4] if chunk[4:8] == b"IDAT" else b""
            while rest and not unpacker.eof:
                unpacker.decompress(rest, 2**20)
                rest = unpacker.unconsumed_tail
    except zlib.error:
        return False
    return unpacker.eof
