"""`equipoise restore`: brings a release back into the workspace, and loses nothing that stands there.

Everything that could fail for a reason known beforehand is checked, and everything fetched, before the first file
changes. Each step leaves only content that git or DVC's cache holds as well, so a restore that was killed is run again.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from flows.dataset.versions import finish_interrupted, require_repository
from flows.graph import error_chain, open_repo
from flows.locks import release_dead_locks, workspace_lock
from flows.releases.git import read_at, require_commits
from flows.releases.naming import find_release, known, list_releases
from flows.releases.pushing import needed_by
from flows.releases.releasing import NAMING
from flows.releases.revisions import WORKING_TREE, Revision
from flows.releases.store import Store
from tasks.errors import InputError
from tasks.workspace import STATE, say

ASIDE = "before-restore-"
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
        with open_repo(root) as repo:
            store = Store(repo)
            wanted = Revision(root, store, name, release.commit)
            outputs, gone = _available(wanted, release.card.get("recipe"))
            present = _present_outputs(root, store, wanted)
            unsaved = [*_unsaved_files(root, release.commit), *_unsaved_outputs(root, store, present)]
            if unsaved and not force:
                raise InputError(_refusal(unsaved))
            saved = _put_aside(root, unsaved) if unsaved else None
            for path in present:
                if path not in outputs:
                    _remove(root / path)
        _write_naming_files(root, release.commit)
        _check_out(root, outputs, whole=not gone)
    return Restored(outputs, gone, saved)


def _available(wanted: Revision, recipe: str | None) -> tuple[list[str], list[str]]:
    """Outputs of the release that the cache now holds, after fetching, and those that nobody kept.

    What the balanced set rests on must be there; models and reports are brought if they can be.
    """
    locked = wanted.locked
    needed = set(needed_by(wanted, recipe))
    outputs, gone = [], []
    for path, out in locked.outputs.items():
        if path in needed:
            wanted.store.require(wanted.contents(path), f"{path} of {wanted.name}")
            outputs.append(path)
        elif wanted.store.fetch([out.md5]) or wanted.store.fetch(wanted.contents(path)):
            gone.append(path)
        else:
            outputs.append(path)
    return outputs, gone


def _present_outputs(root: Path, store: Store, wanted: Revision) -> list[str]:
    """Paths of all outputs that stand in the workspace: of its own version, of the last commit, of the release."""
    versions = (Revision(root, store, WORKING_TREE), Revision(root, store, "HEAD", "HEAD"), wanted)
    paths = dict.fromkeys(path for version in versions for path in version.locked.outputs)
    return [path for path in paths if (root / path).exists() or (root / path).is_symlink()]


def _unsaved_files(root: Path, commit: str) -> list[str]:
    """Of the files that will be overwritten those whose content neither the last commit nor a release holds."""
    commits = ["HEAD", commit, *(release.commit for release in list_releases(root))]
    return [
        path
        for path in NAMING
        if (root / path).is_file() and (root / path).read_bytes() not in [read_at(root, one, path) for one in commits]
    ]


def _unsaved_outputs(root: Path, store: Store, present: Iterable[str]) -> list[str]:
    """Of the outputs in the workspace those that hold a file whose content is not in DVC's cache."""
    return [path for path in present if store.missing(store.content_of(root / path).values())]


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
        lines.append(f"DVC's cache does not hold {shown} as they stand: save them (dvc commit {outputs[0]} ...)")
    return "\n".join([*lines, "or use --force, which puts them aside below .equipoise; nothing was changed"])


def _put_aside(root: Path, unsaved: Iterable[str]) -> Path:
    """Move the outputs and copy the files to a new folder ``.equipoise/before-restore-<n>``.

    `equipoise gc` spares the data that they name.
    """
    number = 1
    while (folder := root / STATE / f"{ASIDE}{number}").exists():
        number += 1
    for path in unsaved:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        if path in NAMING:
            shutil.copyfile(root / path, folder / path)
        else:
            (root / path).rename(folder / path)
    say(f"put aside in {folder}: {', '.join(unsaved)}")
    return folder


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _write_naming_files(root: Path, commit: str) -> None:
    for path in NAMING:
        content = read_at(root, commit, path)
        if content is None:
            (root / path).unlink(missing_ok=True)
            continue
        beside = root / STATE / "scratch" / Path(path).name
        beside.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(content)
        beside.replace(root / path)


def _check_out(root: Path, outputs: list[str], *, whole: bool) -> None:
    """Have DVC put the outputs into the workspace; they are all in its cache.

    `whole` says that they are all there are: then DVC needs no list, for each entry of which it reads `dvc.lock` anew.
    """
    from dvc.exceptions import DvcException

    with open_repo(root) as repo:
        try:
            # A lock may also name outputs of stages that are gone from the graph; DVC knows nothing of those.
            known = {str(out.fs_path) for out in repo.index.outs}
            paths = [str(Path(repo.root_dir, path)) for path in outputs]
            repo.checkout(targets=None if whole else [path for path in paths if path in known])
        except (DvcException, OSError) as error:
            raise InputError(
                f"DVC could not put everything into the workspace: {error_chain(error)}. Nothing is lost: mend that "
                "(free some disk space, perhaps), and run the same command again"
            ) from error
