"""Making the planned images: pixels from their parent and a random stream of their own.

The stream is seeded by the transforms' specification, the parent's content, the copy number and the seed of the stage,
and by nothing else: not by order, process, number of images or time.
"""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from tasks.balance.encoding import Encoding
from tasks.balance.pixels import put_together, take_apart
from tasks.errors import InputError
from tasks.images import UnreadableError, open_image
from tasks.workspace import Progress

IMAGES_A_CHUNK = 64  # roughly, what a process gets at a time


@dataclass(frozen=True)
class Order:
    """The new images of one parent.

    Attributes
    ----------
    parent
        The parent's file.
    sha256
        Its content hash.
    copies
        Copy number of each new image, and where it goes, without extension.
    """

    parent: Path
    sha256: str
    copies: tuple[tuple[int, Path], ...]


@dataclass(frozen=True)
class Made:
    """A new image: its file, and the steps that happened to happen to it."""

    file: Path
    applied: tuple[str, ...]


def make(orders: list[Order], specification: str, seed: int, workers: int) -> list[Made]:
    """Make and write new images, in the order of the orders and their copies.

    Parameters
    ----------
    orders
        What to make; the folders must exist.
    specification
        See `tasks.balance.transforms.Transforms.specification`.
    seed
        ``balance.seed``.
    workers
        Number of processes; changes time only.

    Raises
    ------
    InputError
        A parent can't be read any more.
    """
    chunks: list[list[Order]] = []
    room = 0
    for order in orders:
        if room <= 0:
            chunks.append([])
            room = IMAGES_A_CHUNK
        chunks[-1].append(order)
        room -= len(order.copies)
    made = Parallel(n_jobs=min(workers, max(1, len(chunks))), return_as="generator")(
        delayed(_make_chunk)(chunk, specification, seed) for chunk in chunks
    )
    images = (image for chunk in made for image in chunk)
    return list(Progress(images, "new images", total=sum(len(order.copies) for order in orders)))


def stream_seed(specification: str, sha256: str, copy: int, seed: int) -> int:
    """The seed of a derived image's random stream."""
    text = json.dumps([specification, sha256, copy, seed])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def _make_chunk(orders: list[Order], specification: str, seed: int) -> list[Made]:
    import cv2

    cv2.setNumThreads(0)
    pipeline = _pipeline(specification)
    made = []
    for order in orders:
        try:
            parent = open_image(order.parent).image
        except UnreadableError as error:
            raise InputError(f"{order.parent}: not readable any more ({error}); run ingest again") from error
        encoding = Encoding.of(order.parent)
        colours, alpha = take_apart(parent)
        for copy, stem in order.copies:
            stream = stream_seed(specification, order.sha256, copy, seed)
            # One stream for all steps: `set_random_seed` would give each step the same, so that flips come in pairs.
            pipeline.set_random_state(np.random.default_rng(stream), random.Random(stream))  # noqa: S311
            given = {"image": colours} if alpha is None else {"image": colours, "mask": alpha}
            changed = pipeline(**given)
            data, extension = encoding.encode(put_together(changed["image"], changed.get("mask"), parent))
            file = stem.with_name(f"{stem.name}.{extension}")
            file.write_bytes(data)
            made.append(Made(file, tuple(name for name, _ in changed["applied_transforms"])))
    return made


@cache
def _pipeline(specification: str) -> Any:
    """The transforms of albumentations, made once a process."""
    import os

    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # it would ask the network for its newest version
    import albumentations

    steps = [
        getattr(albumentations, name)(**{key: _tuples(value) for key, value in parameters.items()})
        for name, parameters in json.loads(specification)
    ]
    return albumentations.Compose(steps, save_applied_params=True)


def _tuples(value: Any) -> Any:
    """JSON's lists as the tuples that albumentations wants."""
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return tuple(value) if isinstance(value, list) else value
