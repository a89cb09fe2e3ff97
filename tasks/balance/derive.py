"""A new image from its parents: decoded, changed, encoded as the first parent's file is. The work of one process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from tasks.balance.encoding import Encoding
from tasks.balance.pipeline import change
from tasks.balance.pixels import put_together, take_apart
from tasks.balance.streams import stream
from tasks.errors import InputError
from tasks.images import UnreadableError, open_image

if TYPE_CHECKING:
    from tasks.balance.mix import Mix


@dataclass(frozen=True)
class Parent:
    """A parent: its file and its content hash."""

    path: Path
    sha256: str


@dataclass(frozen=True)
class Copy:
    """One new image that is to be made.

    Attributes
    ----------
    number
        Copy number, from 1.
    stem
        Where it goes, without extension.
    partner
        The second parent of a mixed image.
    """

    number: int
    stem: Path
    partner: Parent | None = None


@dataclass(frozen=True)
class Order:
    """The new images of one (first) parent."""

    parent: Parent
    copies: tuple[Copy, ...]


@dataclass(frozen=True)
class Made:
    """A new image: its file, the hash of its bytes, and the steps that happened to happen to it."""

    file: Path
    sha256: str
    applied: tuple[str, ...]


def derive(order: Order, specification: str, seed: int) -> Iterator[tuple[Copy, bytes, str, tuple[str, ...]]]:
    """Make the new images of one parent.

    Parameters
    ----------
    order
        What to make; nothing is written.
    specification
        Of a preset of transforms, or of a mix; see `tasks.balance.transforms.Transforms.specification`.
    seed
        ``balance.seed``.

    Yields
    ------
    tuple
        The copy, the bytes of its file, their extension, and the steps that were applied.

    Raises
    ------
    InputError
        A parent can't be read any more.
    """
    image = _opened(order.parent)
    encoding = Encoding.of(order.parent.path)
    colours, alpha = take_apart(image)
    for copy in order.copies:
        contents = [order.parent.sha256, *([copy.partner.sha256] if copy.partner else [])]
        key = stream(specification, contents, copy.number, seed)
        if copy.partner:
            partner = _alike(_opened(copy.partner), image)
            changed, changed_alpha = _mixed(specification, key, (colours, alpha), partner)
            applied: tuple[str, ...] = ()
        else:
            changed, changed_alpha, applied = change(specification, colours, alpha, key, str(order.parent.path))
        data, extension = encoding.encode(put_together(changed, changed_alpha, image))
        yield copy, data, extension, applied


def _opened(parent: Parent) -> Image.Image:
    try:
        return open_image(parent.path).image
    except UnreadableError as error:
        raise InputError(f"{parent.path}: not readable any more ({error}); run ingest again") from error


def _mixed(
    specification: str,
    key: int,
    base: tuple[np.ndarray, np.ndarray | None],
    partner: tuple[np.ndarray, np.ndarray],
) -> tuple[np.ndarray, np.ndarray | None]:
    mix = _mix(specification)
    colours, alpha = base
    drawn = mix.draw(colours.shape[1], colours.shape[0], np.random.default_rng(key))
    changed = _like(mix.blend(colours.astype(np.float32), partner[0].astype(np.float32), drawn), colours)
    if alpha is None:
        return changed, None
    layers = [layer[..., np.newaxis].astype(np.float32) for layer in (alpha, partner[1])]
    return changed, _like(mix.blend(layers[0], layers[1], drawn), alpha)[..., 0]


def _like(values: np.ndarray, like: np.ndarray) -> np.ndarray:
    """`values` as the type of `like`, bytes rounded."""
    return values.round().clip(0, 255).astype(np.uint8) if like.dtype == np.uint8 else values


def _alike(partner: Image.Image, base: Image.Image) -> tuple[np.ndarray, np.ndarray]:
    """The colours and the transparency of a partner, in the size and on the scale of the base's colours.

    It fills the base's frame, and what hangs over is cut off evenly on both sides.
    """
    colours, alpha = take_apart(partner)
    theirs, ours = colours.dtype == np.float32, base.mode.startswith(("I", "F"))
    if theirs != ours:  # grey levels on one scale: 0 to 1 of an image of more than 8 bits, 0 to 255 of the others
        colours = (colours * 255).round().astype(np.uint8) if theirs else (colours / 255).astype(np.float32)
    channels = take_apart(base.crop((0, 0, 1, 1)))[0].shape[2]
    if colours.shape[2] > channels:
        weights = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # luma, as Pillow's
        colours = _like((colours @ weights)[..., np.newaxis], colours)
    colours = np.repeat(colours, channels // colours.shape[2], axis=2)
    opaque = np.full(colours.shape[:2], 255, dtype=np.uint8)
    veil = (opaque if alpha is None else alpha)[..., np.newaxis]
    return _fitted(colours, base.size), _fitted(veil, base.size)[..., 0]


def _fitted(colours: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Scaled and cut evenly to `size`, width and height."""
    import cv2

    height, width = colours.shape[:2]
    scale = max(size[0] / width, size[1] / height)
    kept = [max(1, round(length / scale)) for length in size]
    left, top = (width - min(kept[0], width)) // 2, (height - min(kept[1], height)) // 2
    cut = np.ascontiguousarray(colours[top : top + kept[1], left : left + kept[0]])
    fitted = cv2.resize(cut, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    return fitted.reshape(size[1], size[0], colours.shape[2])


@cache
def _mix(specification: str) -> Mix:
    """The part that a mix's specification names, made once a process."""
    import cv2

    from tasks.registry import parts

    cv2.setNumThreads(0)
    parameters = json.loads(specification)
    chosen: Any = parts("tasks.balance.mix")[parameters.pop("mix")]
    made: Mix = chosen(**parameters)
    return made
