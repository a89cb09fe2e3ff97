"""`equipoise restore`: brings a release back into the workspace, and loses nothing that stands there.

Everything that could fail for a reason known beforehand is checked, and everything fetched, before the first file
changes. Each step leaves only content that git or DVC's cache holds as well, so a restore that was killed is run again.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from flows.dataset.place import finish_interrupted
from flows.dataset.versions import require_repository
from flows.dvc_locks import release_dead_locks, require_quiet
from flows.git import read_at, require_commits
from flows.history import NAMING
from flows.locks import workspace_lock
from flows.releases.naming import find_release, known
from flows.releases.pushing import needed_by
from flows.releases.revisions import Revision
from flows.releases.store import Store
from flows.releases.unsaved import present_outputs, unsaved_files, unsaved_outputs
from flows.repository import open_repo
from tasks.errors import InputError
from tasks.files import write_bytes, write_text
from tasks.progress import say
from tasks.workspace import STATE

ASIDE = "before-restore-"
UNDERWAY = Path(STATE, "restoring")  # stands from the first change of a restore to its end
SHOWN = 5


@dataclass(frozen=True)
class Restored:
    """What a restore did.

    Attributes
    ----------
    outputs
        Paths of the outputs that stand in the workspace as the release has them.
    gone
        Paths of outputs that the release's `dvc.lock` names, whose content nobody kept: models, predictions, reports.
    saved
        The folder that holds what was not saved before; None if there was nothing.
    """

    outputs: list[str]
    gone: list[str]
    saved: Path | None


def restore(root: Path, name: str, *, force: bool = False) -> Restored:
    """Bring the release `name` back: the files that name its version, and the data.

    Parameters
    ----------
    root
        The project's folder.
    name
        The release's name.
    force
        Put what git and DVC's cache don't hold aside, below ``.equipoise``, where it would else be refused.

    Raises
    ------
    InputError
        There is no such release; its data can't be had; or something that stands in the workspace would be lost. The
        workspace is as it was.
    """
    require_repository(root)
    require_commits(root)
    release = find_release(root, name)
    if release is None:
        raise InputError(f"there is no release {name!r}; {known(root)}")
    with workspace_lock(root):
        release_dead_locks(root)
        finish_interrupted(root)
        with open_repo(root) as repo, repo.lock:
            require_quiet(root)
            store = Store(repo)
            wanted = Revision(root, store, name, release.commit)
            outputs, gone = _available(wanted, release.card.get("recipe"))
            naming = {path: read_at(root, release.commit, path) for path in NAMING}
            present = present_outputs(root, store, wanted)
            resumed = (root / UNDERWAY).is_file()
            unsaved = [*unsaved_files(root), *unsaved_outputs(wanted, present, outputs, resumed=resumed)]
            if unsaved and not force:
                raise InputError(_refusal(unsaved))
            try:
                saved = _put_aside(root, unsaved, Path(repo.cache.local.path)) if unsaved else None
                write_text(root / UNDERWAY, name)
                for path in present:
                    if path not in outputs:
                        _remove(root / path)
                _write_naming_files(root, naming)
                for path in outputs:
                    store.check_out(wanted.output(path).md5, root / path)
                (root / UNDERWAY).unlink()
            except OSError as error:
                raise InputError(
                    f"could not restore {name}: {error}. Nothing is lost: mend that, and run the same command again"
                ) from error
    return Restored(outputs, gone, saved)


def _available(wanted: Revision, recipe: str | None) -> tuple[list[str], list[str]]:
    """Outputs of the release that the cache now holds, after fetching, and those that can't be had.

    What the balanced set rests on must be there; models and reports are brought if they can be.
    """
    needed = set(needed_by(wanted, recipe))
    others = [path for path in wanted.locked.outputs if path not in needed]
    for path in needed:
        wanted.store.require(wanted.contents(path), f"{path} of {wanted.name}")
    try:
        wanted.store.fetch([wanted.output(path).md5 for path in others])
        listed = [path for path in others if not wanted.store.missing([wanted.output(path).md5])]
        wanted.store.fetch([md5 for path in listed for md5 in wanted.contents(path)])
    except InputError as error:
        say(f"{error}; what is neither needed nor here stays away")
    gone = [path for path in others if not _is_here(wanted, path)]
    return [path for path in wanted.locked.outputs if path not in gone], gone


def _is_here(wanted: Revision, path: str) -> bool:
    """Whether the cache holds an output whole."""
    store = wanted.store
    return not store.missing([wanted.output(path).md5]) and not store.missing(wanted.contents(path))


def _refusal(unsaved: list[str]) -> str:
    files = [path for path in unsaved if path in NAMING]
    outputs = [path for path in unsaved if path not in NAMING]
    lines = []
    if files:
        lines.append(
            f"git has not committed {', '.join(files)} as they stand: commit them "
            f"(git add {' '.join(files)} && git commit)"
        )
    if outputs:
        shown = ", ".join(outputs[:SHOWN]) + (f" and {len(outputs) - SHOWN} more" if len(outputs) > SHOWN else "")
        lines.append(
            f"DVC's cache does not hold {shown} as they stand, or no version names them so: save them "
            f"(dvc commit {outputs[0]} ..., then git commit)"
        )
    return "\n".join([*lines, "or use --force, which puts them aside below .equipoise; nothing was changed"])


def _put_aside(root: Path, unsaved: Iterable[str], cache: Path) -> Path:
    """Move the outputs to a new folder ``.equipoise/before-restore-<n>``, and copy all files that name their version.

    `equipoise gc` spares the data that these name. What was moved needs no cache: links into it become copies.
    """
    number = 1
    while (folder := root / STATE / f"{ASIDE}{number}").exists():
        number += 1
    for path in NAMING:
        if (root / path).is_file():
            write_bytes(folder / path, (root / path).read_bytes())
    for path in unsaved:
        if path not in NAMING:
            _unlink_from(cache, root / path)
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.move(root / path, folder / path)
    say(f"put aside in {folder}: {', '.join(unsaved)}")
    return folder


def _unlink_from(cache: Path, output: Path) -> None:
    """Put copies in the place of symbolic links to files of DVC's cache."""
    for path in [output, *output.rglob("*")]:
        if path.is_symlink() and path.is_file() and path.resolve().is_relative_to(cache.resolve()):
            write_bytes(path, path.read_bytes())


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _write_naming_files(root: Path, naming: Mapping[str, bytes | None]) -> None:
    for path, content in naming.items():
        if content is None:
            (root / path).unlink(missing_ok=True)
        else:
            write_bytes(root / path, content)
