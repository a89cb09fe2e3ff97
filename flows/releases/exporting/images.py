"""How an image's file gets into an export: linked to the workspace's file where that is safe, else copied."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from flows.releases.exporting.rows import Row
from flows.releases.store import Store
from tasks.stripping import Stripped, strip


class Images:
    """The files of the rows of an export.

    A file of the workspace with the wanted content is linked, unless DVC itself linked it to its cache: then, and where
    the workspace has other content, the file is copied from the cache (or reflinked, where the disk can). So no edit of
    an export reaches DVC's cache.

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
        self._files: dict[str, Path] = {}
        self._linked: set[str] = set()
        self._strip = strip_metadata
        self.unstripped: list[str] = []
        wanted = {row.md5: row.place for row in rows}
        for md5, place in wanted.items():
            path = root / place
            if path.is_file() and not path.is_symlink() and store.content_of(path).get(path) == md5:
                self._files[md5] = path
                cached = store.path(md5)
                if not (cached.is_file() and cached.samefile(path)):
                    self._linked.add(md5)
        store.require([md5 for md5 in wanted if md5 not in self._files], what)
        for md5 in wanted:
            self._files.setdefault(md5, store.path(md5))

    def size(self, row: Row) -> int:
        """Bytes of the file of `row`, before anything is taken out."""
        return self._files[row.md5].stat().st_size

    def linkable(self, row: Row, folder: Path) -> bool:
        """Whether the file of `row` can be linked into `folder` at no cost of space."""
        source = self._files[row.md5]
        return not self._strip and row.md5 in self._linked and source.stat().st_dev == folder.stat().st_dev

    def read(self, row: Row) -> bytes:
        """The content of the file of `row`."""
        content = self._files[row.md5].read_bytes()
        return self._stripped(row, content).content if self._strip else content

    def put(self, row: Row, target: Path) -> None:
        """Make the file of `row` at `target`, which doesn't exist yet."""
        source = self._files[row.md5]
        if self._strip:
            stripped = self._stripped(row, source.read_bytes())
            if stripped.changed:
                target.write_bytes(stripped.content)
                return
        if row.md5 in self._linked:
            try:
                os.link(source, target)
            except OSError:  # another disk, or one without hard links
                pass
            else:
                return
        _copy(source, target)

    def _stripped(self, row: Row, content: bytes) -> Stripped:
        stripped = strip(content)
        if not stripped.clean:
            self.unstripped.append(row.name)
        return stripped


def _copy(source: Path, target: Path) -> None:
    """Copy content, without the read-only mode of DVC's cache; share blocks where the disk can."""
    from dvc.fs import localfs

    try:
        localfs.reflink(str(source), str(target))
    except OSError:
        target.unlink(missing_ok=True)
        shutil.copyfile(source, target)
