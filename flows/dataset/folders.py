"""Finding the images in a folder: what its folders mean is read from their structure."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path, PurePosixPath

from flows.dataset.entries import Entry, Found, listed
from flows.dataset.leaving_out import (
    left_out,
    left_out_again,
    left_out_broken,
    left_out_link,
    left_out_on_purpose,
    notes,
)
from flows.dataset.walking import walk
from tasks.errors import InputError
from tasks.ingest.other_files import kind_to_leave_out
from tasks.ingest.sources import from_folders
from tasks.params.models import Ingest


def find_in_folder(folder: Path, params: Ingest, known: Collection[str] = (), follow_links: bool = False) -> Found:
    """Find the images below `folder`; what its folders mean, `tasks.ingest.layout` says.

    What is an image, its content says, not its name. Hidden files, other files, and links that lead out of `folder` are
    left out.

    Raises
    ------
    InputError
        A folder can't be read, a name can't be printed, or two readings fit the folders.
    """
    walked = walk(folder, follow_links)
    kinds = {path: kind_to_leave_out(folder / path) for path in walked.files}
    images = [path for path, kind in kinds.items() if kind is None]
    unreadable = [ascii(name) for name in images if not name.isprintable()]
    if unreadable:
        raise InputError(listed("file names hold characters that can't be printed; rename them", unreadable))
    sources, concluded = from_folders(images, params, known)
    entries = []
    for source in sources:
        file = folder / source.path
        entries.append(
            Entry(source.path, source.label or "", "", source.part or "", file, file.stat().st_size, source.row)
        )
    label_of = {str(PurePosixPath(one.path).parent): one.label for one in entries}

    def label(path: str) -> str:
        """That of the images beside a file."""
        return label_of.get(str(PurePosixPath(path).parent), "")

    taken = {one.path for one in entries}
    aside = [left_out(Path(path), label(path), kind) for path, kind in kinds.items() if kind is not None]
    aside += [left_out_link(Path(path), label(path)) for path in walked.links]
    aside += [left_out_again(Path(path)) for path in walked.again]
    aside += [left_out_broken(Path(path), label(path)) for path in walked.broken]
    aside += [left_out_on_purpose(Path(path)) for path in images if path not in taken]
    return Found(entries, [*concluded, *notes(aside)], left_out=aside)
