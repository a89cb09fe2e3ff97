"""`equipoise gc`: frees what no release, branch, tag, nor the working tree needs."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from flows.dataset.versions import finish_interrupted
from flows.graph import open_repo
from flows.locks import release_dead_locks, workspace_lock
from flows.releases.git import require_commits
from flows.releases.locked import LOCK, POINTER, read_locked
from flows.releases.restoring import ASIDE
from flows.releases.store import Store
from tasks.errors import InputError
from tasks.workspace import STATE, read_json

SCRATCH = Path(STATE, "scratch")
RUNNING = Path(".dvc", "tmp", "rwlock")


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
    """Delete from DVC's cache what nothing needs: no release or other tag, no branch's tip, HEAD, nor the working tree.

    Remotes are left alone, and so is the row store, which keeps itself small.

    Raises
    ------
    InputError
        The cache is shared with other projects, whose needs are not known here; a stage runs; or a commit that may
        need something can't be read. Nothing was deleted.
    """
    require_commits(root)
    with workspace_lock(root):
        release_dead_locks(root)
        finish_interrupted(root)
        _require_quiet(root)
        with open_repo(root) as repo, repo.lock:
            cache = repo.cache.local
            _require_own(root, Path(cache.path))
            used = {
                info.value
                for infos in repo.used_objs(
                    all_branches=True, all_tags=True, all_experiments=True, revs=["HEAD"]
                ).values()
                for info in infos
            }
            used |= _put_aside(root, Store(repo))
            garbage = [Path(cache.oid_to_path(md5)) for md5 in cache.all() if md5 not in used]
            size = sum(path.stat().st_size for path in garbage)
            scratch = [path for path in (root / SCRATCH).rglob("*") if path.is_file() and not path.is_symlink()]
            scratch_size = sum(path.stat().st_size for path in scratch)
            if not dry_run:
                # Lists of files go first: without its list a folder counts as missing, and not as damaged.
                for path in sorted(garbage, key=lambda path: path.suffix != ".dir"):
                    path.unlink()
                shutil.rmtree(root / SCRATCH, ignore_errors=True)
    return Freed(len(garbage), size, scratch_size)


def _put_aside(root: Path, store: Store) -> set[str]:
    """What the versions need whose files a forced restore has put aside."""
    needed = set()
    for folder in (root / STATE).glob(f"{ASIDE}*"):
        named = [folder / LOCK, folder / POINTER]
        files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in named if path.is_file()}
        version = read_locked(files.get, str(folder))
        for path, out in version.outputs.items():
            needed.add(out.md5)
            if out.md5.endswith(".dir") and not store.missing([out.md5]):
                needed.update(store.files(out.md5, path).values())
    return needed


def _require_quiet(root: Path) -> None:
    """Refuse while a stage runs that plain `dvc repro` started, whose scratch would go."""
    locks = read_json(root / RUNNING) if (root / RUNNING).is_file() else {}
    if any(locks.values()):
        raise InputError("a stage runs, which `dvc repro` has started: wait for it, and try again")


def _require_own(root: Path, cache: Path) -> None:
    if not cache.resolve().is_relative_to(root.resolve()):
        raise InputError(
            f"DVC's cache {cache} lies outside this project: others may share it, and their needs are not known here. "
            "`dvc gc --all-branches --all-tags --projects OTHER_PROJECT` counts them in"
        )
