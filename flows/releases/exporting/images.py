"""How an image's file gets into an export: linked to the workspace's file where that is safe, else copied."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from flows.releases.exporting.rows import Row
from flows.releases.store import Store
from tasks.stripping import Stripped, strip


class Images:
    """The files of the rows of an export.

    A file of the workspace with the wanted content is linked, unless DVC itself linked it to its cache: then, and where
    the workspace has other content, the file is copied from the cache (or reflinked, where the disk can). So no edit of
    an export reaches DVC's cache. A run may work meanwhile: each file is looked at again when it has been taken.

    Parameters
    ----------
    root
        The project's folder.
    store
        DVC's cache.
    rows
        All rows of the export.
    what
        What they are called in messages.
    strip_metadata
        Take EXIF and the like out of every file.

    Raises
    ------
    InputError
        Files are neither here nor can they be fetched.
    """

    def __init__(self, root: Path, store: Store, rows: Iterable[Row], what: str, *, strip_metadata: bool) -> None:
        self._own: dict[str, _Own] = {}
        self._store = store
        self._strip = strip_metadata
        self._what = what
        self.unstripped: list[str] = []
        wanted = {row.md5: row.place for row in rows}
        for md5, place in wanted.items():
            path = root / place
            if path.is_file() and not path.is_symlink():
                state = _state(path)  # before the content is hashed, so that no later change is missed
                if state and store.content_of(path).get(path) == md5:
                    cached = store.path(md5)
                    self._own[md5] = _Own(path, state, links=not (cached.is_file() and cached.samefile(path)))
        store.require([md5 for md5 in wanted if md5 not in self._own], what)

    def size(self, row: Row) -> int:
        """Bytes of the file of `row`, before anything is taken out."""
        own = self._own.get(row.md5)
        return own.state.size if own else self._store.path(row.md5).stat().st_size

    def linkable(self, row: Row, folder: Path) -> bool:
        """Whether the file of `row` can be linked into `folder` at no cost of space."""
        own = self._own.get(row.md5)
        return own is not None and own.links and not self._strip and own.state.device == folder.stat().st_dev

    def read(self, row: Row) -> bytes:
        """The content of the file of `row`."""
        content = self._read(row)
        return self._stripped(row, content).content if self._strip else content

    def put(self, row: Row, target: Path) -> None:
        """Make the file of `row` at `target`, which doesn't exist yet."""
        if self._strip:
            stripped = self._stripped(row, self._read(row))
            if stripped.changed:
                target.write_bytes(stripped.content)
                return
        own = self._own.get(row.md5)
        if own is None or not own.put(target):
            _copy(self._cached(row), target)

    def _read(self, row: Row) -> bytes:
        own = self._own.get(row.md5)
        content = own.read() if own else None
        return self._cached(row).read_bytes() if content is None else content

    def _cached(self, row: Row) -> Path:
        """The file in DVC's cache; what the workspace had when the export began may be gone by now."""
        self._store.require([row.md5], self._what)
        return self._store.path(row.md5)

    def _stripped(self, row: Row, content: bytes) -> Stripped:
        stripped = strip(content)
        if not stripped.clean:
            self.unstripped.append(row.name)
        return stripped


@dataclass(frozen=True)
class _State:
    """By what a file of the workspace is known to be the one that was hashed."""

    device: int
    inode: int
    size: int
    changed: int


@dataclass(frozen=True)
class _Own:
    """A file of the workspace that had the wanted content when the export began; a run may replace it at any time."""

    path: Path
    state: _State
    links: bool

    def read(self) -> bytes | None:
        """Its content; None if it is another file by now."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        return content if _state(self.path) == self.state else None

    def put(self, target: Path) -> bool:
        """Make it a link or a copy at `target`; whether that has the wanted content, else nothing stands there."""
        linked = False
        if self.links:
            try:
                os.link(self.path, target)
                linked = True
            except OSError:  # another disk, or one without hard links
                pass
        try:
            if not linked:
                _copy(self.path, target)
            if _state(target if linked else self.path) == self.state:
                return True
        except FileNotFoundError:
            pass
        target.unlink(missing_ok=True)
        return False


def _state(path: Path) -> _State | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return _State(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def _copy(source: Path, target: Path) -> None:
    """Copy content, without the read-only mode of DVC's cache; share blocks where the disk can."""
    from dvc.fs import localfs

    try:
        localfs.reflink(str(source), str(target))
    except OSError:
        target.unlink(missing_ok=True)
        shutil.copyfile(source, target)
