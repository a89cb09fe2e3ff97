"""Room on the disk: sizes for people, and the refusal of what would not fit."""

from __future__ import annotations

import shutil
from pathlib import Path

from tasks.errors import InputError


def readable_size(size: float) -> str:
    """A number of bytes for people: ``90.3 MB``."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def require_space(folder: Path, needed: int, for_what: str) -> None:
    """Refuse what takes `needed` bytes if the disk of `folder` has less free.

    Raises
    ------
    InputError
        It has; `for_what` says in the message what the bytes would hold.
    """
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise InputError(
            f"not enough disk space at {folder}: about {readable_size(needed)} are needed ({for_what}), "
            f"{readable_size(free)} are free; free some and run again"
        )
