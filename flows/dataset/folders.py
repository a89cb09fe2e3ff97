"""Finding the images in a folder: class folders, or class folders below `train`, `val` and `test`."""

from __future__ import annotations

import os
from pathlib import Path

from flows.dataset.entries import Entry, Found, listed
from flows.dataset.leaving_out import kind_to_leave_out, left_out, left_out_link, notes
from tasks.errors import InputError
from tasks.formats import OTHER, Kind
from tasks.ingest.reading import PART_NAMES


def find_in_folder(folder: Path) -> Found:
    """Find the images below `folder`; the first folder below it names the class.

    If the first folders are all parts (``train``, ``val``, ``test``), the second names the class. Images that lie in
    `folder` itself have no label. Hidden files, other files, and links that lead out of `folder` are left out.

    Raises
    ------
    InputError
        A folder can't be read, or a name can't be printed.
    """
    files, others, links = _walk(folder)
    names = [path.as_posix() for path in files]
    unreadable = [ascii(name) for name in names if not name.isprintable()]
    if unreadable:
        raise InputError(listed("file names hold characters that can't be printed; rename them", unreadable))
    in_parts = bool(files) and _lies_in_parts(files)
    entries = []
    for path, name in zip(files, names, strict=True):
        part = PART_NAMES[path.parts[0].lower()] if in_parts else ""
        source = folder / path
        entries.append(Entry(name, _label(path, in_parts), "", part, source, source.stat().st_size))
    aside = [left_out(path, _label(path, in_parts), kind) for path, kind in others.items()]
    aside += [left_out_link(path, _label(path, in_parts)) for path in links]
    return Found(entries, notes(aside), left_out=aside)


def _label(path: Path, in_parts: bool) -> str:
    """The folder that names the class of what lies at `path`; empty for what lies in none."""
    folders = path.parts[int(in_parts) : -1]
    return folders[0] if folders else ""


def _walk(folder: Path) -> tuple[list[Path], dict[Path, Kind], list[Path]]:
    """Paths below `folder`, sorted: those of the images, those of other files and what they are, and links out."""
    files: list[Path] = []
    others: dict[Path, Kind] = {}
    links: list[Path] = []
    real = folder.resolve()
    for parent, folders, names in os.walk(folder, onerror=_refuse):
        below = Path(parent).relative_to(folder)
        links += [below / name for name in folders if (Path(parent) / name).is_symlink()]
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__MACOSX")))
        for name in names:
            path = Path(parent) / name
            if name.startswith("."):
                continue
            if path.is_symlink() and not path.resolve().is_relative_to(real):
                links.append(below / name)
            elif not path.is_file():
                others[below / name] = OTHER
            elif kind := kind_to_leave_out(path):
                others[below / name] = kind
            else:
                files.append(below / name)
    return sorted(files, key=Path.as_posix), others, links


def _lies_in_parts(files: list[Path]) -> bool:
    """Whether the files lie in ``part/class/...``, with a training part and at least one other."""
    first = {path.parts[0].lower() for path in files}
    return (
        all(len(path.parts) >= 3 for path in files)
        and first <= set(PART_NAMES)
        and "train" in (parts := {PART_NAMES[name] for name in first})
        and len(parts) > 1
    )


def _refuse(error: OSError) -> None:
    raise InputError(f"{error.filename}: can't read this folder ({error.strerror}); allow it or move it away")
