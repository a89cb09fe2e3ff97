"""What stands in the workspace and would be lost by a restore, because no version that can be had again holds it.

An output is saved if it is, file by file, what a version says of it, and DVC's cache holds the contents. That all of
its contents are in the cache is not enough: which image lies in which class folder is work, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from flows.git import read_at
from flows.history import NAMING
from flows.lockfile import Locked, overlap
from flows.releases.naming import list_releases
from flows.releases.revisions import WORKING_TREE, Revision
from flows.releases.store import Store
from tasks.errors import InputError

TRIVIAL = ("__pycache__", "*.pyc", ".ipynb_checkpoints", ".DS_Store", "Thumbs.db")  # as in the .dvcignore shipped here


def unsaved_files(root: Path) -> list[str]:
    """Of the files that name a version those whose content neither the last commit nor a release holds."""
    commits = ["HEAD", *(release.commit for release in list_releases(root))]
    return [
        path
        for path in NAMING
        if (root / path).is_file()
        and not any(read_at(root, commit, path) == (root / path).read_bytes() for commit in commits)
    ]


def present_outputs(root: Path, store: Store, wanted: Revision) -> list[str]:
    """Paths of all outputs that stand in the workspace: of its own version, of the last commit, of the release."""
    versions = [Revision(root, store, WORKING_TREE), Revision(root, store, "HEAD", "HEAD")]
    paths = dict.fromkeys(path for locked in [*_readable(versions), wanted.locked] for path in locked.outputs)
    return [path for path in paths if (root / path).exists() or (root / path).is_symlink()]


def unsaved_outputs(wanted: Revision, present: Iterable[str], staying: Iterable[str], *, resumed: bool) -> list[str]:
    """Of the outputs in the workspace those that are as no version has them, or whose contents the cache lacks.

    A version is what the workspace's own files name, the last commit, or a release. An output that doesn't stay goes
    altogether, so it must hold no file that DVC ignores either.

    Parameters
    ----------
    wanted
        The release.
    present
        The outputs' paths.
    staying
        Those for which the release's content can be had.
    resumed
        A restore was interrupted: then outputs may be mixtures, in which each file is as some version has it.
    """
    root, store = wanted.root, wanted.store
    versions = [
        Revision(root, store, WORKING_TREE),
        wanted,
        Revision(root, store, "HEAD", "HEAD"),
        *(Revision(root, store, release.name, release.commit) for release in list_releases(root)),
    ]
    lockeds = list(_readable(versions))
    unsaved = []
    for path in present:
        content = {file.relative_to(root / path).as_posix(): md5 for file, md5 in store.content_of(root / path).items()}
        saved = any(content == files for files in _versions_of(path, lockeds, store))
        if not saved and resumed:
            known = {item for files in _versions_of(path, lockeds, store) for item in files.items()}
            saved = content.items() <= known
        hidden = path not in staying and _hides_something(root / path, store)
        if not saved or hidden or store.missing(content.values()):
            unsaved.append(path)
    return [path for path in unsaved if not any(path.startswith(f"{other}/") for other in unsaved)]


def _versions_of(path: str, lockeds: Iterable[Locked], store: Store) -> Iterator[dict[str, str]]:
    """The files at or below `path` in each of these versions whose lists are in the cache.

    Another version may have several outputs below it, or one that holds it: ``data/features`` in one,
    ``data/features/resnet20`` in another.
    """
    seen = []
    for locked in lockeds:
        outputs = {place: out.md5 for place, out in locked.outputs.items() if overlap(place, path)}
        if outputs and outputs not in seen:
            seen.append(outputs)
            if not store.missing(md5 for md5 in outputs.values() if md5.endswith(".dir")):
                yield _files_below(path, outputs, store)


def _files_below(path: str, outputs: Mapping[str, str], store: Store) -> dict[str, str]:
    """The md5 of each file at or below `path`, relative to it, where these outputs hold it."""
    files = {
        PurePosixPath(place, file): md5
        for place, listed in outputs.items()
        for file, md5 in (store.files(listed, place) if listed.endswith(".dir") else {".": listed}).items()
    }
    return {str(file.relative_to(path)): md5 for file, md5 in files.items() if file.is_relative_to(path)}


def _hides_something(output: Path, store: Store) -> bool:
    """Whether there is a file that DVC ignores by a rule of the user's own."""
    return any(
        store.ignores(file) and not any(fnmatch(part, name) for part in file.parts for name in TRIVIAL)
        for file in output.rglob("*")
        if file.is_file()
    )


def _readable(versions: Iterable[Revision]) -> Iterator[Locked]:
    """What versions say; one that can't be read, such as a half-merged working tree, says nothing."""
    for version in versions:
        try:
            yield version.locked
        except InputError:
            continue
