"""JPEGs that are whole, but written otherwise than the standard says: how to bring them into its form.

Cameras and editors write bytes that no viewer minds and a strict decoder takes for damage. Only bytes that decide no
pixel are touched here; whether all pixels are there is for the decoder to say, once more and as strictly as before.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from tasks.jpeg_segments import END, FRAMES, SCAN, START, segments

LEAST_FILL = 8  # so many equal bytes, if they are not zero, are fill; compressed data seldom hold them

_SEQUENTIAL = (0xC0, 0xC1, 0xC9)  # frames whose scans hold all coefficients
_ALL_COEFFICIENTS = b"\0\x3f\0"  # from the first to the 63rd, with all their bits
_YCC = {3: 1, 4: 2}  # Adobe's number of the transform that readers assume, by the number of components


def standardised(data: bytes) -> Iterator[tuple[bytes, list[str]]]:
    """The forms that the standard knows of a JPEG, each with what was unusual; none where there is nothing to change.

    The first that a strict decoder takes is the image.

    Brought into form are: the range of coefficients in the scan header of a sequential JPEG, which has but one; the
    version of JFIF; an unknown colour transform of Adobe, which readers take for the usual one; fill (zeros, or at
    least `LEAST_FILL` equal bytes) behind the last block; padding between segments; a missing end marker, if all
    components lie in one sequential scan, so that nothing can be missing behind it.
    """
    try:
        found, has_end = list(segments(data)), True
    except (ValueError, IndexError, struct.error):
        try:
            found, has_end = list(segments(data + END)), False
        except (ValueError, IndexError, struct.error):
            return
    frame = next((segment for marker, segment in found if marker in FRAMES), b"")
    scans = [segment for marker, segment in found if marker == SCAN]
    if len(frame) < 10 or not scans or any(len(scan) < 10 or len(scan) < 6 + 2 * scan[4] + 2 for scan in scans):
        return
    sequential, components = frame[1] in _SEQUENTIAL, frame[9]
    if not has_end and not (sequential and len(scans) == 1 and scans[0][4] == components):
        return
    oddities = [] if has_end else ["no end marker"]
    parts = []
    for marker, segment in found:
        changed, oddity = segment, ""
        if marker == 0xE0 and segment[4:9] == b"JFIF\0" and segment[9:10] not in (b"\x01", b""):
            changed, oddity = segment[:9] + b"\x01\x01" + segment[11:], "unknown version of JFIF"
        elif marker == 0xEE and segment[4:9] == b"Adobe" and components in _YCC and segment[15:16] > b"\x02":
            changed = segment[:15] + bytes([_YCC[components]]) + segment[16:]
            oddity = "unknown colour transform of Adobe"
        elif marker == SCAN:
            start = 5 + 2 * segment[4]  # of the range of coefficients
            if sequential and segment[start : start + 3] != _ALL_COEFFICIENTS:
                changed = segment[:start] + _ALL_COEFFICIENTS + segment[start + 3 :]
                oddity = "scan header with a senseless range of coefficients"
        parts.append(changed)
        oddities += [oddity] if oddity else []
    rebuilt = START + b"".join(parts) + END
    if not oddities and not data.startswith(rebuilt):
        oddities.append("padding between segments")
    if oddities:
        yield rebuilt, oddities
    if found[-1][0] == SCAN and (bare := _without_fill(parts[-1])) != parts[-1]:
        yield START + b"".join([*parts[:-1], bare]) + END, [*oddities, "fill behind the last block"]


def _without_fill(scan: bytes) -> bytes:
    """A scan without a run of equal bytes at its end; the zero that belongs to a byte of ones stays.

    The whole run goes, so that where blocks of a flat ground are missing, whose codes are equal bytes too, those that
    are there won't do for them.
    """
    last = scan[-1:]
    bare = scan.rstrip(last)
    if last != b"\0":
        return bare if len(scan) - len(bare) >= LEAST_FILL else scan
    return bare + b"\0" if bare.endswith(b"\xff") else bare
