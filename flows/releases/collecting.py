"""`equipoise gc`: frees what no release, branch, tag, nor the working tree needs."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from flows.dataset.place import finish_interrupted
from flows.dvc_locks import release_dead_locks, require_quiet
from flows.git import require_commits
from flows.locks import workspace_lock
from flows.releases.needs import needed_objects
from flows.releases.store import Store
from flows.repository import open_repo
from tasks.errors import InputError
from tasks.workspace import STATE

SCRATCH = Path(STATE, "scratch")


@dataclass(frozen=True)
class Freed:
    """What was freed, or would be.

    Attributes
    ----------
    objects, cache_bytes
        Objects of DVC's cache and their size.
    scratch_bytes
        What ended runs had left in ``.equipoise/scratch``.
    """

    objects: int
    cache_bytes: int
    scratch_bytes: int


def collect(root: Path, *, dry_run: bool = False) -> Freed:
    """Delete from DVC's cache what nothing needs, see `flows.releases.needs`.

    Remotes are left alone, and so is the row store, which keeps itself small.

    Raises
    ------
    InputError
        The cache is shared with other projects, whose needs are not known here; a stage runs; or a commit that may
        need something can't be read: nothing was deleted. Or the cache lets nothing be deleted.
    """
    require_commits(root)
    with workspace_lock(root):
        release_dead_locks(root)
        finish_interrupted(root)
        with open_repo(root) as repo, repo.lock:
            require_quiet(root)
            cache = repo.cache.local
            _require_own(root, Path(cache.path))
            used = needed_objects(root, Store(repo))
            garbage = [Path(cache.oid_to_path(md5)) for md5 in cache.all() if md5 not in used]
            size = sum(path.stat().st_size for path in garbage)
            scratch = [path for path in (root / SCRATCH).rglob("*") if path.is_file() and not path.is_symlink()]
            scratch_size = sum(path.stat().st_size for path in scratch)
            if not dry_run:
                # Lists of files go first: without its list a folder counts as missing, and not as damaged.
                try:
                    for path in sorted(garbage, key=lambda path: path.suffix != ".dir"):
                        path.unlink()
                except OSError as error:
                    raise InputError(
                        f"DVC's cache lets nothing be deleted: {error}; mend that, and try again"
                    ) from error
                shutil.rmtree(root / SCRATCH, ignore_errors=True)
    return Freed(len(garbage), size, scratch_size)


def _require_own(root: Path, cache: Path) -> None:
    if not cache.resolve().is_relative_to(root.resolve()):
        raise InputError(
            f"DVC's cache {cache} lies outside this project: others may share it, and their needs are not known here. "
            "`dvc gc --all-branches --all-tags --projects OTHER_PROJECT` counts them in"
        )
