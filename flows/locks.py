"""One run at a time on a workspace."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tasks.errors import InputError
from tasks.workspace import STATE


@contextmanager
def workspace_lock(root: Path) -> Iterator[None]:
    """Hold the workspace, so that a second run on it is refused; it is let go when the process ends, however it ends.

    Raises
    ------
    InputError
        Another run holds it; the message says which process.
    """
    path = root / STATE / "lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise InputError(
                f"another run works on {root} (process {holder}); wait for it, or end it, and try again"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
        file.truncate(0)
