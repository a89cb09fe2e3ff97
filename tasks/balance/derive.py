"""A new image from its parents: decoded, changed, encoded as the first parent's file is. The work of one process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tasks.balance.blending import mix_of, mixed
from tasks.balance.encoding import Encoding
from tasks.balance.pipeline import change
from tasks.balance.pixels import scale_of, to_arrays, to_image
from tasks.balance.streams import stream
from tasks.deep_colour import AnyImage
from tasks.errors import InputError
from tasks.images import UnreadableError, open_image


@dataclass(frozen=True)
class Parent:
    """A parent: its file, its content hash, and the bits a value that are shown of it (`tasks.depth`)."""

    path: Path
    sha256: str
    depth: int


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

    def contents(self, copy: Copy) -> list[str]:
        """The content hashes of the parents of one of the copies, in their order."""
        return [self.parent.sha256, *([copy.partner.sha256] if copy.partner else [])]


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
        Of a preset of transforms, or of a mix; see `tasks.balance.presets.Preset.specification`.
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
    scale = scale_of(image, order.parent.depth)
    colours, alpha = to_arrays(image, scale)
    for copy in order.copies:
        content = order.contents(copy)
        if copy.partner:
            mix = mix_of(specification)
            drawn = mix.drawn(image.size, content, copy.number, seed)
            yield copy, *encoding.encode(mixed(mix, drawn, image, _opened(copy.partner), order.parent.depth)), ()
        else:
            key = stream(specification, content, copy.number, seed)
            changed = change(specification, colours, alpha, key, str(order.parent.path))
            new = to_image(changed.colours, changed.alpha, image, scale)
            yield copy, *encoding.encode(new), changed.applied


def _opened(parent: Parent) -> AnyImage:
    try:
        return open_image(parent.path).image
    except UnreadableError as error:
        raise InputError(
            f"{parent.path}: not readable any more ({error}); `equipoise run --force ingest` looks again"
        ) from error
