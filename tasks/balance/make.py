"""Making the planned images in any number of processes, and taking over those that earlier runs made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from tasks.balance.derive import Copy, Made, Order, derive
from tasks.balance.space import check_space, on_disk
from tasks.files import link_file, write_bytes
from tasks.parallel import each
from tasks.progress import Progress
from tasks.row_store import Row, RowStore

IMAGES_A_CHUNK = 64  # roughly, what a process gets at a time


def make(orders: list[Order], specification: str, seed: int, workers: int) -> Iterator[Made]:
    """Make and write new images, in the order of the orders and their copies.

    Parameters
    ----------
    orders
        What to make.
    specification
        See `tasks.balance.presets.Preset.specification` and `tasks.balance.mixed.MixedImages.specification`.
    seed
        ``balance.seed``.
    workers
        Number of processes; changes time only.

    Yields
    ------
    Made
        Each image when it is written, whole or not at all.

    Raises
    ------
    InputError
        A parent can't be read any more.
    """
    portions = [
        replace(order, copies=order.copies[start : start + IMAGES_A_CHUNK])
        for order in orders
        for start in range(0, len(order.copies), IMAGES_A_CHUNK)
    ]
    one = partial(_make, specification=specification, seed=seed)
    made = each(one, portions, workers, chunk=IMAGES_A_CHUNK, weight=lambda order: len(order.copies))
    images = (image for portion in made for image in portion)
    yield from Progress(images, "new images", total=sum(len(order.copies) for order in orders))


def make_once(orders: list[Order], specification: str, seed: int, workers: int, known: RowStore) -> list[Made]:
    """As `make`, but images that earlier runs made stand in a store and are only linked to their places.

    Parameters
    ----------
    orders, specification, seed, workers
        See `make`.
    known
        The store; its method holds all but the parents and the copy number. Images lie in its folder ``files``, so that
        a run that was killed goes on where it stood; one whose bytes are not what they were is made again, and those
        that are not asked for any more go.

    Raises
    ------
    InputError
        A parent can't be read any more, or the first images show that the disk has no room for all.
    """
    files = known.folder / "files"
    wanted = {_key(order, copy, seed): (order, copy) for order in orders for copy in order.copies}

    def compute(missing: list[str]) -> Iterator[Row]:
        todo: list[Order] = []
        for key in missing:
            order, copy = wanted[key]
            kept = replace(copy, stem=files / key[:2] / key)
            if todo and todo[-1].parent == order.parent:
                todo[-1] = replace(order, copies=(*todo[-1].copies, kept))
            else:
                todo.append(replace(order, copies=(kept,)))
        size = 0
        for number, image in enumerate(make(todo, specification, seed, workers), start=1):
            size += image.file.stat().st_size
            if number == IMAGES_A_CHUNK:  # their parents' sizes promised what these can tell
                check_space(known.folder, (len(missing) - number) * on_disk(size // number))
            yield {
                "file": image.file.relative_to(files).as_posix(),
                "sha256": image.sha256,
                "applied": json.dumps(image.applied),
            }

    def intact(row: Row) -> bool:
        try:
            with (files / row["file"]).open("rb") as file:
                return bool(hashlib.file_digest(file, "sha256").hexdigest() == row["sha256"])
        except OSError:
            return False

    placed = []
    rows = known.fill(list(wanted), compute, intact)
    for row, (_, copy) in zip(rows, wanted.values(), strict=True):
        source = files / row["file"]
        target = copy.stem.with_name(copy.stem.name + source.suffix)
        link_file(source, target)
        placed.append(Made(target, row["sha256"], tuple(json.loads(row["applied"]))))
    used = {row["file"] for row in rows}
    for file in files.glob("*/*"):
        if file.relative_to(files).as_posix() not in used:
            file.unlink(missing_ok=True)
    return placed


def still_to_make(orders: list[Order], seed: int, known: RowStore) -> list[Order]:
    """The orders without the images that `known` has, orders without any left out."""
    keys = {(order, copy): _key(order, copy, seed) for order in orders for copy in order.copies}
    done = known.knows(keys.values())
    left = [replace(one, copies=tuple(copy for copy in one.copies if keys[one, copy] not in done)) for one in orders]
    return [order for order in left if order.copies]


def _key(order: Order, copy: Copy, seed: int) -> str:
    """What names a new image among those of its specification."""
    return hashlib.sha256(json.dumps([order.contents(copy), copy.number, seed]).encode()).hexdigest()


def _make(order: Order, specification: str, seed: int) -> list[Made]:
    made = []
    for copy, data, extension, applied in derive(order, specification, seed):
        file = copy.stem.with_name(f"{copy.stem.name}.{extension}")
        write_bytes(file, data)
        made.append(Made(file, hashlib.sha256(data).hexdigest(), applied))
    return made
