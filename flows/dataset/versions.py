"""What DVC and git say of `data/raw`: is there a repository, which version stands there, is it committed."""

from __future__ import annotations

from pathlib import Path

from flows import lockfile
from flows.git import find_commit, read_at
from flows.repository import open_repo
from tasks.errors import InputError

RAW, POINTER = Path(lockfile.RAW), Path(lockfile.POINTER)


def require_repository(root: Path) -> None:
    """Refuse a folder that DVC doesn't version.

    Raises
    ------
    InputError
        There is no DVC repository at `root`, or `data/raw` is a link.
    """
    if not (root / ".dvc").is_dir():
        raise InputError(
            f"{root}: no DVC repository here (.dvc is missing). Run this in the folder of your clone, "
            "or make one with `git init && dvc init`"
        )
    if (root / RAW).is_symlink():
        raise InputError(f"{root / RAW}: is a link, which DVC can't version; put the folder itself there")


def track(root: Path, link_types: list[str] | None = None) -> str:
    """Have DVC version `data/raw` as it stands and return the version's hash.

    With `link_types`, `data/raw` and DVC's cache share files so, and not as DVC's setting `cache.type` says.

    Raises
    ------
    InputError
        DVC refuses, for instance because a run holds its lock.
    """
    refused = "DVC could not version data/raw"
    try:
        settings = {"cache": {"type": link_types}} if link_types else None
        with open_repo(root, wait=False, failure=refused, settings=settings) as repo:
            repo.scm_context.quiet = True  # its advice on git is for its own command line
            stages = repo.add(str((root / RAW).absolute()))
            return str(stages[0].outs[0].hash_info.value)
    except OSError as error:
        raise InputError(f"{refused}: {error}") from error


def is_committed(root: Path) -> bool:
    """Whether git's last commit holds the present `data/raw.dvc`."""
    if find_commit(root, "HEAD") is None:
        return False
    return read_at(root, "HEAD", lockfile.POINTER) == (root / POINTER).read_bytes()
