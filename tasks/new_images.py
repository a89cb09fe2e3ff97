"""Images that no stage has seen, files or bytes: opened once, and what is wrong with one stops no other."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tasks.decoding import squared
from tasks.depth import DEPTHS
from tasks.features.embedding import BATCHES_A_CHUNK, network_vectors
from tasks.images import UnreadableError, open_image, to_rgb
from tasks.parallel import each

if TYPE_CHECKING:
    from tasks.features.backbones import Backbone

MOST_PIXELS = 100_000_000  # a larger image is refused before it is decoded

Array = NDArray[np.float32] | NDArray[np.uint8]


@dataclass(frozen=True)
class Told:
    """What opening one image told.

    Attributes
    ----------
    error
        Why it can't be read; empty if it can.
    bits
        Of 16 bits a value those that it uses (`tasks.depth.DEPTHS`); None for other images.
    """

    error: str = ""
    bits: int | None = None


def vectors(
    images: Sequence[Path | bytes], backbone: Backbone, depth: int, workers: int
) -> Iterator[tuple[Array, Told]]:
    """The feature vector of each image, that of a black one where it can't be read, and what opening it told.

    Parameters
    ----------
    images
        Paths of image files, or their bytes.
    backbone
        The network, and how images are shown to it.
    depth
        Bits of 16-bit values that are shown (`tasks.images.to_rgb`).
    workers
        Number of processes; changes time only.
    """
    size = backbone.batch_size
    batches = [images[start : start + size] for start in range(0, len(images), size)]
    for batch in each(partial(_embedded, backbone, depth), batches, workers, chunk=BATCHES_A_CHUNK):
        yield from batch


def pixels(
    images: Sequence[Path | bytes], size: int, resize: str, depth: int, workers: int
) -> Iterator[tuple[Array, Told]]:
    """Each image as RGB of shape (size, size, 3), black where it can't be read, and what opening it told."""
    return each(partial(_shown, size, resize, depth), images, workers)


def _embedded(backbone: Backbone, depth: int, images: Sequence[Path | bytes]) -> list[tuple[Array, Told]]:
    looks = [_look(backbone.image_size, backbone.resize, depth, image) for image in images]
    return list(zip(network_vectors(backbone, [look for look, _ in looks]), [told for _, told in looks], strict=True))


def _shown(size: int, resize: str, depth: int, image: Path | bytes) -> tuple[Array, Told]:
    look, told = _look(size, resize, depth, image)
    return np.asarray(look), told


def _look(size: int, resize: str, depth: int, image: Path | bytes) -> tuple[Image.Image, Told]:
    """An image as a model sees it, and what opening it told."""
    try:
        opened = open_image(io.BytesIO(image) if isinstance(image, bytes) else image, MOST_PIXELS)
        shown = squared(to_rgb(opened.image, depth), size, resize)
    except UnreadableError as error:
        return Image.new("RGB", (size, size)), Told(str(error))
    return shown, Told(bits=opened.bits if opened.bits in DEPTHS else None)
