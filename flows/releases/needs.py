"""Which objects of DVC's cache are needed: by a commit one can go back to, a working tree, or what was put aside.

Every `dvc.lock` and ``.dvc`` file counts, also of folders that Equipoise knows nothing of. They are read as they stand:
the graph of an old version need not resolve any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from flows.git import git, list_at, list_commits, list_worktrees, read_at
from flows.history import NAMING
from flows.lockfile import LOCK, POINTER, is_pointer, named_md5s
from flows.releases.restoring import ASIDE
from flows.releases.store import Store
from tasks.workspace import STATE


def needed_objects(root: Path, store: Store) -> set[str]:
    """The md5 of all objects that something needs; of a folder its files, if its list is here.

    Raises
    ------
    InputError
        A commit, or a file that names data, can't be read.
    """
    texts: dict[bytes, str] = {}
    for content, where in (*_in_commits(root), *_in_working_trees(root), *_put_aside(root)):
        texts.setdefault(content, where)
    needed = set[str]().union(*(named_md5s(content, where) for content, where in texts.items()))
    for md5 in [md5 for md5 in needed if md5.endswith(".dir") and store.path(md5).is_file()]:
        needed.update(store.files(md5, "a folder that a version needs").values())
    return needed


def _in_commits(root: Path) -> Iterator[tuple[bytes, str]]:
    for commit in list_commits(root):
        for path in filter(is_pointer, list_at(root, commit)):
            yield read_at(root, commit, path) or b"", f"{path} of commit {commit[:10]}"


def _in_working_trees(root: Path) -> Iterator[tuple[bytes, str]]:
    below = git(root, "rev-parse", "--show-prefix")
    for folder in {root, *(tree.folder / below for tree in list_worktrees(root))}:
        if folder.is_dir():
            listed = git(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
            for path in {LOCK, POINTER, *filter(is_pointer, listed)}:
                if (folder / path).is_file():
                    yield (folder / path).read_bytes(), str(folder / path)


def _put_aside(root: Path) -> Iterator[tuple[bytes, str]]:
    for folder in (root / STATE).glob(f"{ASIDE}*"):
        for path in filter(is_pointer, NAMING):
            if (folder / path).is_file():
                yield (folder / path).read_bytes(), str(folder / path)
