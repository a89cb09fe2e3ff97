"""Finding the images in a folder: class folders, or class folders below `train`, `val` and `test`."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from flows.dataset.entries import Entry, Found, listed
from tasks.errors import InputError
from tasks.ingest.reading import PART_NAMES

# What Pillow opens and people keep photos in; other files in class folders (notes, annotations) stay where they are.
IMAGE_SUFFIXES = frozenset(
    [
        *(
            ".apng",
            ".avif",
            ".bmp",
            ".dib",
            ".gif",
            ".icb",
            ".j2k",
            ".jfif",
            ".jp2",
            ".jpe",
            ".jpeg",
            ".jpg",
            ".pbm",
            ".pcx",
            ".pgm",
        ),
        *(".png", ".pnm", ".ppm", ".qoi", ".ras", ".sgi", ".tga", ".tif", ".tiff", ".webp"),
    ]
)


def find_in_folder(folder: Path) -> Found:
    """Find the images below `folder`; the first folder below it names the class.

    If the first folders are all parts (``train``, ``val``, ``test``), the second names the class. Images that lie in
    `folder` itself have no label. Hidden files, other files, and links that lead out of `folder` are left out.

    Raises
    ------
    InputError
        A folder can't be read, or a name can't be printed.
    """
    files, notes = _walk(folder)
    names = [path.as_posix() for path in files]
    unreadable = [ascii(name) for name in names if not name.isprintable()]
    if unreadable:
        raise InputError(listed("file names hold characters that can't be printed; rename them", unreadable))
    in_parts = bool(files) and _lies_in_parts(files)
    entries = []
    for path, name in zip(files, names, strict=True):
        folders = path.parts[:-1]
        part = PART_NAMES[folders[0].lower()] if in_parts else ""
        label = folders[1] if in_parts else folders[0] if folders else ""
        source = folder / path
        entries.append(Entry(name, label, "", part, source, source.stat().st_size))
    return Found(entries, notes)


def _walk(folder: Path) -> tuple[list[Path], list[str]]:
    """Paths of the image files below `folder`, sorted, and notes on what was left out."""
    files: list[Path] = []
    others: Counter[str] = Counter()
    links: list[str] = []
    real = folder.resolve()
    for parent, folders, names in os.walk(folder, onerror=_refuse):
        below = Path(parent).relative_to(folder)
        links += [(below / name).as_posix() for name in folders if (Path(parent) / name).is_symlink()]
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__MACOSX")))
        for name in names:
            path = Path(parent) / name
            suffix = path.suffix.lower()
            if name.startswith("."):
                continue
            if path.is_symlink() and not path.resolve().is_relative_to(real):
                links.append((below / name).as_posix())
            elif suffix in IMAGE_SUFFIXES and path.is_file():
                files.append(below / name)
            else:
                others[suffix or "no ending"] += 1
    notes = []
    if links:
        notes.append(listed("links were not followed; copy the files there to have them", links))
    if others:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(others.items()))
        notes.append(f"{others.total():,} other files left out ({kinds})")
    return sorted(files, key=lambda path: path.as_posix()), notes


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
