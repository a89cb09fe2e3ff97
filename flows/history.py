"""The project's git history: a run can commit the lock file that names every version of the data."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tasks.errors import InputError

VERSIONED = ("dvc.lock", "dvc.yaml", "params.yaml", "data/raw.dvc")


def commit_lock(root: Path) -> str:
    """Commit `dvc.lock` with the parameters and data pointers that it belongs to; says what it did in a sentence.

    Only these files are committed; whatever else is staged or changed stays as it is.

    Raises
    ------
    InputError
        Git refuses; the message is its own.
    """
    present = [name for name in VERSIONED if (root / name).exists()]
    _git(root, "add", "--", *present)
    if not _git(root, "diff", "--cached", "--name-only", "--", *present):
        return "git: nothing new to commit"
    _git(root, "commit", "--quiet", "--message", "Update dvc.lock after a run", "--only", "--", *present)
    return f"git: committed {', '.join(present)} as {_git(root, 'rev-parse', '--short', 'HEAD')}"


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise InputError(f"git {arguments[0]} failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.strip()
