"""Is there room on the disk for what is to be made? Asked before the first image, and again when some show theirs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tasks.balance.derive import Order
from tasks.disk import require_space

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
    require_space(folder, 2 * needed, "the new images, of which fewer can be asked for, and their copy in DVC's cache")
