"""The files below a folder that people bring, without what is hidden; links on request, and each folder once."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from tasks.errors import InputError

HIDDEN = (".", "__MACOSX")


@dataclass
class Walked:
    """What stands below a folder.

    Attributes
    ----------
    files
        All files, relative to the folder, with forward slashes, in order.
    links
        Links that were not followed.
    again
        Links to folders, and folders below such, that were looked through at another place.
    broken
        Links that lead nowhere, to themselves, or to a folder that holds them.
    empty
        Folders in which nothing stands, or nothing but hidden files.
    """

    files: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)


def walk(folder: Path, follow_links: bool = False, *, once: bool = True) -> Walked:
    """List the files below `folder`.

    Parameters
    ----------
    folder
        Where to look.
    follow_links
        Whether links that lead out of the folder, and links to folders, count as what they lead to; else only links
        to files inside it do.
    once
        Whether a folder that several links lead to is looked through at one place only, its own if it has one.

    Raises
    ------
    InputError
        A folder can't be read.
    """
    walker = _Walker(folder.resolve(), follow_links, once)
    walker.look_through(folder, "")
    while walker.linked:  # after all that stands in the folder itself, which keeps its own place so
        waiting, walker.linked = walker.linked, []
        for path in waiting:
            walker.look_through(folder / path, path)
    found = walker.found
    for paths in (found.files, found.links, found.again, found.broken):
        paths.sort()
    return found


class _Walker:
    """Looks through folders, and keeps the links to folders for later.

    Parameters
    ----------
    root
        The real folder that is looked through.
    follow, once
        As for `walk`.

    Attributes
    ----------
    found
        What was found.
    linked
        Links to folders that are to be followed.
    """

    def __init__(self, root: Path, follow: bool, once: bool) -> None:
        self._root = root
        self._follow = follow
        self._once = once
        self._seen = dict[tuple[int, int], list[str]]()
        self.found = Walked()
        self.linked: list[str] = []

    def look_through(self, folder: Path, path: str) -> None:
        """Add what stands in one folder, and in those below it; `path` is what it is called from the root."""
        own, below = _identity(folder), f"{path}/" if path else ""
        places = self._seen.setdefault(own, [])
        if any(below.startswith(place) for place in places):
            self.found.broken.append(path)
            return
        if places and self._once:
            self.found.again.append(path)
            return
        places.append(below)
        try:
            with os.scandir(folder) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            raise InputError(f"{folder}: can't read this folder ({error.strerror}); allow it or move it away") from None
        shown = [entry for entry in listed if not entry.name.startswith(HIDDEN)]
        if not shown and path:
            self.found.empty.append(path)
        for entry in shown:
            name, place = below + entry.name, Path(entry.path)
            if entry.is_symlink() and not self._counts(place, name):
                continue
            if entry.is_dir() and entry.is_symlink():
                self.linked.append(name)
            elif entry.is_dir():
                self.look_through(place, name)
            elif entry.is_file():
                self.found.files.append(name)

    def _counts(self, link: Path, name: str) -> bool:
        """Whether a link counts as what it leads to; else it is put down as what it is."""
        try:
            real = link.resolve(strict=True)
        except (OSError, RuntimeError):  # leads nowhere, or to itself
            self.found.broken.append(name)
            return False
        if not self._follow and (link.is_dir() or not real.is_relative_to(self._root)):
            self.found.links.append(name)
            return False
        return True


def _identity(folder: Path) -> tuple[int, int]:
    known = folder.stat()
    return known.st_dev, known.st_ino
