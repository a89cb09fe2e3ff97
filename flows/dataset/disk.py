"""Whether the disk has space for images that are to be copied."""

from __future__ import annotations

from pathlib import Path

from flows.repository import open_repo
from tasks.disk import readable_size, require_space


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
        require_space(folder, size, "the images and their copy in DVC's cache")
    return f"needs {readable_size(2 * needed)} of disk: the images, and the same again in DVC's cache"
