"""Finding the images in a folder: what its folders mean is read from their structure."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from flows.dataset.entries import Entry, Found, listed
from flows.dataset.walking import endings, walk
from tasks.errors import InputError
from tasks.ingest.sources import from_folders
from tasks.params.models import Ingest

# What Pillow opens and people keep photos in; other files in class folders (notes, annotations) stay where they are.
IMAGE_SUFFIXES = frozenset(
    (
        *(".apng", ".avif", ".bmp", ".dib", ".gif", ".icb", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pbm"),
        *(".pcx", ".pgm", ".png", ".pnm", ".ppm", ".qoi", ".ras", ".sgi", ".tga", ".tif", ".tiff", ".webp"),
    )
)


def find_in_folder(folder: Path, params: Ingest, known: Collection[str] = (), follow_links: bool = False) -> Found:
    """Find the images below `folder`; what its folders mean, `tasks.ingest.layout` says.

    Hidden files, other files, and links that lead out of `folder` are left out.

    Raises
    ------
    InputError
        A folder can't be read, a name can't be printed, or two readings fit the folders.
    """
    walked = walk(folder, follow_links)
    images = [path for path in walked.files if Path(path).suffix.lower() in IMAGE_SUFFIXES]
    others = [path for path in walked.files if Path(path).suffix.lower() not in IMAGE_SUFFIXES]
    unreadable = [ascii(name) for name in images if not name.isprintable()]
    if unreadable:
        raise InputError(listed("file names hold characters that can't be printed; rename them", unreadable))
    sources, notes = from_folders(images, params, known)
    entries = []
    for source in sources:
        file = folder / source.path
        entries.append(
            Entry(source.path, source.label or "", "", source.part or "", file, file.stat().st_size, source.row)
        )
    left = len(images) - len(sources)
    notes += [f"{left:,} images left out, in folders that ingest.parts calls none"] if left else []
    if walked.links:
        notes.append(listed("links were not followed; --follow-links takes what they lead to", walked.links))
    if walked.broken:
        notes.append(listed("links lead nowhere, or back to where they are; they were left out", walked.broken))
    if others:
        notes.append(f"{len(others):,} other files left out ({endings(others)})")
    return Found(entries, notes)
