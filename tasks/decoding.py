"""Images as arrays of one size, decoded once: what families on images learn from."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tasks.images import BACKGROUND, open_rgb


def squared(image: Image.Image, size: int, resize: str) -> Image.Image:
    """An RGB image as `size` by `size` pixels.

    ``squash`` scales each side by its own factor; ``letterbox`` keeps the aspect ratio and centres the image on grey.
    Both use Pillow's bilinear filter, which averages over all source pixels when it shrinks.
    """
    if resize == "squash":
        return image.resize((size, size), Image.Resampling.BILINEAR)
    scale = size / max(image.size)
    inner = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    canvas = Image.new("RGB", (size, size), (BACKGROUND,) * 3)
    corner = ((size - inner[0]) // 2, (size - inner[1]) // 2)
    canvas.paste(image.resize(inner, Image.Resampling.BILINEAR), corner)
    return canvas


def decode(files: Sequence[Path], size: int, resize: str, depth: int) -> NDArray[np.uint8]:
    """Image files as RGB, shape (n, size, size, 3); see `squared`, and `tasks.images.to_rgb` for the depth.

    Raises
    ------
    InputError
        A file can't be read as an image.
    """
    pixels = np.empty((len(files), size, size, 3), dtype=np.uint8)
    for row, file in enumerate(files):
        pixels[row] = np.asarray(squared(open_rgb(file, depth), size, resize))
    return pixels


@dataclass(frozen=True, eq=False)
class Decoded:
    """Decoded images on disk.

    Attributes
    ----------
    rows
        The row of each id.
    pixels
        Shape (n, size, size, 3), memory-mapped.
    """

    rows: Mapping[str, int]
    pixels: NDArray[np.uint8]

    def take(self, ids: Sequence[str]) -> NDArray[np.uint8]:
        """The images of `ids`, in memory."""
        return np.asarray(self.pixels[[self.rows[name] for name in ids]])


def decoded_once(files: Mapping[str, Path], size: int, resize: str, depth: int, folder: Path) -> Decoded:
    """Decode image files, or take what an earlier call left in `folder`.

    Parameters
    ----------
    files
        By id. A file whose size or time of change differs is decoded anew, with all others.
    size, resize, depth
        See `decode`.
    folder
        Where the arrays stand; to delete it changes time only.
    """
    names = sorted(files)
    states = [(name, files[name].stat().st_size, files[name].stat().st_mtime_ns) for name in names]
    digest = hashlib.sha256(repr((states, size, resize, depth)).encode()).hexdigest()[:16]
    file = folder / f"{digest}.npy"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        beside = folder / f".{digest}.{os.getpid()}.npy"
        shape = (len(names), size, size, 3)
        pixels = np.lib.format.open_memmap(beside, mode="w+", dtype=np.uint8, shape=shape)
        for row, name in enumerate(names):
            pixels[row] = decode([files[name]], size, resize, depth)[0]
        pixels.flush()
        beside.replace(file)
    rows = {name: row for row, name in enumerate(names)}
    return Decoded(rows, np.load(file, mmap_mode="r", allow_pickle=False))
