"""The files below a folder that people bring, without what is hidden; links on request, and never in circles."""

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
    broken
        Links that lead nowhere, to themselves, or to a folder that holds them.
    empty
        Folders in which nothing stands, or nothing but hidden files.
    """

    files: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)


def walk(folder: Path, follow_links: bool = False) -> Walked:
    """List the files below `folder`.

    Parameters
    ----------
    folder
        Where to look.
    follow_links
        Whether links that lead out of the folder, and links to folders, count as what they lead to; else only links
        to files inside it do.

    Raises
    ------
    InputError
        A folder can't be read.
    """
    found = Walked()
    _walk(folder, "", folder.resolve(), follow_links, frozenset({_identity(folder)}), found)
    found.files.sort()
    return found


def _walk(folder: Path, below: str, root: Path, follow: bool, above: frozenset[tuple[int, int]], found: Walked) -> None:
    """Add what stands in one folder; `above` are the folders that lead to it, so that no link leads back."""
    try:
        with os.scandir(folder) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise InputError(f"{folder}: can't read this folder ({error.strerror}); allow it or move it away") from None
    shown = [entry for entry in listed if not entry.name.startswith(HIDDEN)]
    if not shown and below:
        found.empty.append(below.removesuffix("/"))
    for entry in shown:
        path, place = below + entry.name, Path(entry.path)
        if entry.is_symlink():
            try:
                real = place.resolve(strict=True)
            except (OSError, RuntimeError):  # leads nowhere, or to itself
                found.broken.append(path)
                continue
            if not follow and (place.is_dir() or not real.is_relative_to(root)):
                found.links.append(path)
                continue
        if entry.is_dir():
            own = _identity(place)
            if own in above:
                found.broken.append(path)
            else:
                _walk(place, f"{path}/", root, follow, above | {own}, found)
        elif entry.is_file():
            found.files.append(path)


def _identity(folder: Path) -> tuple[int, int]:
    known = folder.stat()
    return known.st_dev, known.st_ino
