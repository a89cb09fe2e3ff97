"""What releases ask of git: commits, tags, and the content of a file at a revision."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from tasks.errors import InputError


def git(root: Path, *arguments: str) -> str:
    """What ``git ARGUMENTS`` prints, run in `root`.

    Raises
    ------
    InputError
        Git refuses; the message is its own.
    """
    done = _run(root, *arguments)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).decode(errors="replace").strip()
        raise InputError(f"git {arguments[0]} failed: {said}")
    return done.stdout.decode(errors="replace").strip()


def require_commits(root: Path) -> None:
    """Refuse a folder that git doesn't keep, or has no commit of.

    Raises
    ------
    InputError
        There is no git repository at `root` or above, or it is empty.
    """
    if _run(root, "rev-parse", "--git-dir").returncode != 0:
        raise InputError(f"{root}: no git repository here; releases are git tags: `git init` and commit the project")
    if find_commit(root, "HEAD") is None:
        raise InputError(f"{root}: git has no commit yet; commit the project first: `git add -A && git commit`")


def find_commit(root: Path, revision: str) -> str | None:
    """The full hash of the commit that `revision` names, or None."""
    done = _run(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    return done.stdout.decode().strip() if done.returncode == 0 else None


def read_at(root: Path, revision: str, path: str) -> bytes | None:
    """The content that the file `path`, below `root`, has at `revision`; None where it has none."""
    done = _run(root, "cat-file", "blob", f"{revision}:./{path}")
    return done.stdout if done.returncode == 0 else None


def commit_only(root: Path, paths: Sequence[str], message: str) -> bool:
    """Commit these files and nothing else, whatever is staged or changed besides; say whether there was any change."""
    git(root, "add", "--", *paths)
    if not git(root, "diff", "--cached", "--name-only", "--", *paths):
        return False
    git(root, "commit", "--quiet", "--message", message, "--only", "--", *paths)
    return True


def uncommitted(root: Path, paths: Sequence[str]) -> list[str]:
    """Those files below `paths` that differ from the last commit, or are not in it."""
    if not paths:
        return []
    done = _run(root, "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--", *paths)
    return [entry[3:] for entry in done.stdout.decode(errors="replace").split("\0") if entry]


def _run(root: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=False)
