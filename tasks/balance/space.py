"""Is there room on the disk for what is to be made? Asked before the first image."""

from __future__ import annotations

import shutil
from pathlib import Path

from tasks.balance.derive import Order
from tasks.errors import InputError

BLOCK = 4096  # bytes, what most disks give out


def check_space(folder: Path, orders: list[Order]) -> None:
    """Refuse orders for which the disk of `folder` has no room.

    A new image is taken to be as large as its parent, and lies on the disk twice: in the workspace and in DVC's cache.

    Raises
    ------
    InputError
        There is less room than that.
    """
    needed = 2 * sum(_on_disk(order.parent.path) * len(order.copies) for order in orders)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise InputError(
            f"not enough disk space at {folder}: about {needed / 1e6:,.0f} MB are needed (the new images and their "
            f"copy in DVC's cache), {free / 1e6:,.0f} MB are free; free some, or ask for fewer new images"
        )


def _on_disk(path: Path) -> int:
    """Bytes that a file takes, in whole blocks."""
    return -(-path.stat().st_size // BLOCK) * BLOCK
