"""Walking through a JPEG file: its segments, without decoding a pixel."""

from __future__ import annotations

import struct
from collections.abc import Iterator

HUFFMAN, ARITHMETIC, SCAN = 0xC4, 0xCC, 0xDA
QUANTISATION, LINES, RESTART = 0xDB, 0xDC, 0xDD
FRAMES = tuple(code for code in range(0xC0, 0xD0) if code not in (HUFFMAN, 0xC8, ARITHMETIC))
START, END = b"\xff\xd8", b"\xff\xd9"
MOST_PADDING = 16  # bytes of zero between two segments: more than that is a hole

_BARE = (0x01, *range(0xD0, 0xD8))  # markers without a length


def segments(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The marker and bytes of each segment between the start and the end of the image; scans with their data.

    Fill bytes before a marker, and up to `MOST_PADDING` bytes of zero, are left out.

    Raises
    ------
    ValueError, IndexError, struct.error
        The file is built otherwise, or ends too early.
    """
    at = len(START)
    while True:
        gap = content[at : at + MOST_PADDING]
        at += len(gap) - len(gap.lstrip(b"\0"))
        if content[at] != 0xFF:
            raise ValueError("no marker where one must be")
        while content[at + 1] == 0xFF:  # fill bytes
            at += 1
        marker = content[at + 1]
        if marker == END[1]:
            return
        length = 0 if marker in _BARE else int(struct.unpack_from(">H", content, at + 2)[0])
        end = at + 2 + length
        if marker == SCAN:
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
