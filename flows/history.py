"""The project's git history: a run can commit the lock file that names every version of the data."""

from __future__ import annotations

from pathlib import Path

from flows.git import commit_only, git
from flows.lockfile import LOCK, POINTER
from tasks.ingest.left_out import LEFT_OUT
from tasks.split import FROZEN

# The files that together name a version of the project's data and how it was made.
NAMING = (LOCK, "dvc.yaml", "params.yaml", POINTER, str(FROZEN), str(LEFT_OUT))


def commit_lock(root: Path) -> str:
    """Commit `dvc.lock` with the parameters and data pointers that it belongs to; says what it did in a sentence.

    Only these files are committed; whatever else is staged or changed stays as it is.

    Raises
    ------
    InputError
        Git refuses; the message is its own.
    """
    present = [name for name in NAMING if (root / name).is_file()]
    if not commit_only(root, present, "Update dvc.lock after a run"):
        return "git: nothing new to commit"
    return f"git: committed {', '.join(present)} as {git(root, 'rev-parse', '--short', 'HEAD')}"
