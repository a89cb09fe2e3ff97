"""Whether the disk has space for images that are to be copied."""

from __future__ import annotations

import shutil
from pathlib import Path

from flows.repository import open_repo
from tasks.errors import InputError


def check_space(root: Path, needed: int) -> str:
    """Say what `needed` bytes to copy mean for the disk.

    Raises
    ------
    InputError
        There is not enough free space for the copies and DVC's cache of them.
    """
    with open_repo(root, wait=False) as repo:
        cache = Path(repo.cache.local.path)
    while not cache.exists():
        cache = cache.parent
    needs = {root: needed, cache: needed}
    if root.stat().st_dev == cache.stat().st_dev:
        needs = {root: 2 * needed}
    for folder, size in needs.items():
        free = shutil.disk_usage(folder).free
        if size > free:
            raise InputError(
                f"not enough disk space at {folder}: {readable(size)} are needed (the images and their copy in DVC's "
                f"cache), {readable(free)} are free"
            )
    return f"needs {readable(2 * needed)} of disk: the images, and the same again in DVC's cache"


def readable(size: int) -> str:
    """A number of bytes for people: ``90.3 MB``."""
    value = float(size)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"
