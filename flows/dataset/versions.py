"""What DVC and the disk say: is there a repository, is there space, which version stands in `data/raw`."""

from __future__ import annotations

import shutil
from pathlib import Path

from flows import lockfile
from flows.git import find_commit, read_at
from flows.repository import open_repo
from tasks.errors import InputError
from tasks.workspace import STATE

RAW, POINTER = Path(lockfile.RAW), Path(lockfile.POINTER)
OLD = Path(STATE, "scratch", "raw-old")


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


def finish_interrupted(root: Path) -> None:
    """Put back a dataset that a killed run had moved aside; call it while holding the workspace."""
    if (root / OLD).exists() and not (root / RAW).exists():
        (root / OLD).rename(root / RAW)


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


def track(root: Path) -> str:
    """Have DVC version `data/raw` as it stands and return the version's hash.

    Raises
    ------
    InputError
        DVC refuses, for instance because a run holds its lock.
    """
    refused = "DVC could not version data/raw"
    try:
        with open_repo(root, wait=False, failure=refused) as repo:
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


def readable(size: int) -> str:
    """A number of bytes for people: ``90.3 MB``."""
    value = float(size)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"
