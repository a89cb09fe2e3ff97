"""What one file holds: the work of ingest's worker processes, which start fast because little is imported here."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tasks.depth import DEPTHS, FULL
from tasks.fingerprints import perceptual_hashes, pixel_hash, sharpness
from tasks.images import UNOPENED, Decoded, UnreadableError, open_image, to_rgb
from tasks.ingest.reasons import BROKEN_LINK, NOT_A_FILE, NOT_UTF8, OUTWARD_LINK

ODDITIES = "oddities"  # beside the catalog's columns: what is unusual in how the file is written


@dataclass(frozen=True)
class Examined:
    """What one file holds, or the reason why it can't be used.

    `facts` are the catalog's columns that come from it; in place of the depth `bits`, those that its values use, and
    in place of fingerprints those at each depth.
    """

    path: str
    facts: dict[str, Any] | None = None
    reason: str = ""
    detail: str = ""


def examine(root: Path, path: str, max_pixels: int) -> Examined:
    """Open the file at `path` below `root` and find what the catalog holds of it, or why it can't be used.

    A link is followed only to a file below `root`.
    """
    try:
        with _opened(root, path) as file:
            size = os.fstat(file.fileno()).st_size
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            found = open_image(file, max_pixels)
        prints = {str(depth): _fingerprints(to_rgb(found.image, depth)) for depth in _depths(found)}
    except UnreadableError as error:
        return Examined(path, reason=error.reason, detail=error.detail)
    facts = {
        "width": found.width,
        "height": found.height,
        "mode": found.mode,
        "bits": found.bits,
        "format": found.format,
        "frames": found.frames,
        "bytes": size,
        "sha256": digest,
        "taken": found.taken,
        "camera": found.camera,
        "orientation": found.orientation,
        "latitude": found.latitude,
        "longitude": found.longitude,
        "dpi": found.dpi,
        "jpeg_quality": found.jpeg_quality,
        "fingerprints": prints,
        ODDITIES: found.oddities,
    }
    return Examined(path, facts)


def _depths(found: Decoded) -> tuple[int, ...]:
    """The depths at which an image may come to be shown, which all other images have a say in."""
    return DEPTHS if found.bits in DEPTHS else (FULL,)


def _fingerprints(rgb: Image.Image) -> dict[str, Any]:
    """The catalog's columns that come from the pixels as they are shown."""
    grey = rgb.convert("L")  # once for both that need it
    return {
        "pixels": pixel_hash(rgb),
        "phash": perceptual_hashes(grey),
        "sharpness": round(sharpness(np.asarray(grey)), 4),
    }


def content_hash(root: Path, path: str) -> str | Examined:
    """The SHA-256 of the file at `path` below `root`, 64 hex digits, or why it can't be read."""
    try:
        with _opened(root, path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except UnreadableError as error:
        return Examined(path, reason=error.reason, detail=error.detail)


@contextmanager
def _opened(root: Path, path: str) -> Iterator[BufferedReader]:
    """Open a file below `root`; whatever is wrong with its name, its link or its rights is an `UnreadableError`."""
    try:
        path.encode()
        target = (root / path).resolve()
        if not target.is_relative_to(root.resolve()):
            raise UnreadableError(OUTWARD_LINK, "only files below data/raw are read")
        if target.exists() and not target.is_file():
            raise UnreadableError(NOT_A_FILE, "a folder, a link to one, or a device")
        with target.open("rb") as file:
            yield file
    except UnicodeEncodeError:
        raise UnreadableError(NOT_UTF8, "rename the file") from None
    except FileNotFoundError:
        raise UnreadableError(BROKEN_LINK, "it leads to nothing") from None
    except OSError as error:
        raise UnreadableError(UNOPENED, error.strerror or type(error).__name__) from None
