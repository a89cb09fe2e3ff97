"""Is there room on the disk for what is to be made? Asked before the first image, and again when some show theirs."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from tasks.balance.derive import Order
from tasks.errors import InputError

BLOCK = 4096  # bytes, what most disks give out


def needed_for(orders: Iterable[Order]) -> int:
    """Bytes of the images that are ordered, each taken to be as large as its parent."""
    return sum(on_disk(order.parent.path.stat().st_size) * len(order.copies) for order in orders)


def on_disk(size: int) -> int:
    """Bytes that a file of `size` takes, in whole blocks."""
    return -(-size // BLOCK) * BLOCK


def check_space(folder: Path, needed: int) -> None:
    """Refuse to make `needed` bytes of images for which the disk of `folder` has no room.

    They lie on the disk twice: in the workspace and in DVC's cache.

    Raises
    ------
    InputError
        There is less room than that.
    """
    free = shutil.disk_usage(folder).free
    if 2 * needed > free:
        raise InputError(
            f"not enough disk space at {folder}: about {2 * needed / 1e6:,.0f} MB are needed (the new images and their "
            f"copy in DVC's cache), {free / 1e6:,.0f} MB are free; free some, or ask for fewer new images"
        )
