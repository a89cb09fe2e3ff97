"""Finding the images in a folder: what its folders mean is read from their structure."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from flows.dataset.entries import Entry, Found, beside, listed
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
from tasks.ingest.layout import looks_like_codes
from tasks.ingest.likely_columns import naming
from tasks.ingest.other_files import kind_to_leave_out
from tasks.ingest.reading import SUFFIXES
from tasks.ingest.sources import from_folders
from tasks.ingest.wording import first_few, quoted
from tasks.params.models import Ingest

MOST_TABLES = 5  # that are looked into


@dataclass(frozen=True)
class Beside:
    """A table that lies beside images, the line that reads it, and whether it names images and their classes."""

    line: str
    note: str
    names_images: bool
    has_label: bool


def beside_in(folder: Path, files: Sequence[str], images: Sequence[str]) -> list[Beside]:
    """The tables among the `files` of a folder, and what they say of its `images`."""
    found = []
    for path in [one for one in files if PurePosixPath(one).suffix.lower() in SUFFIXES][:MOST_TABLES]:
        above = str(PurePosixPath(path).parent)
        below = images if above == "." else [one[len(above) + 1 :] for one in images if one.startswith(f"{above}/")]
        said = naming(folder / path, below) if below else None
        line = f"equipoise add {quoted(str(folder / path))}" + (f" {said.options}" if said and said.options else "")
        if said and said.has_label:
            note = f"{path} names these images, and was not read; to take it in place of the folders: {line}"
        else:
            note = f"{path} names these images, and was not read; with a column label it can be given in their place"
        found.append(Beside(line, note, said is not None, said is not None and said.has_label))
    return found


def _masks(images: Collection[str]) -> list[str]:
    """Images that are called like a mask of another one beside them."""
    stems = {path: str(PurePosixPath(path).with_suffix("")) for path in images}
    known = set(stems.values())
    bare = {path: re.sub(r"(?i)[-_ ](?:mask|seg\w*|gt)[-_ \d]*$", "", stem) for path, stem in stems.items()}
    return [path for path, stem in bare.items() if stem != stems[path] and stem in known]


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
    tables = beside_in(folder, [path for path in walked.files if kinds[path] is not None], images)
    named = [one for one in tables if one.names_images and one.has_label]
    try:
        sources, concluded = from_folders(images, params, known)
    except InputError as error:
        raise InputError(str(error) + beside([one.line for one in named])) from None
    classes = {source.label for source in sources if source.label}
    if named and params.class_level == 0 and looks_like_codes(classes) and not classes & set(known):
        raise InputError(
            f"the folders {first_few(sorted(classes))} have codes for names, and a table beside them names the images: "
            f"if it says the classes, give it in place of the folder:\n  {named[0].line}\n"
            "if these folders are the classes:\n  --set ingest.class_level=1"
        )
    concluded += [one.note for one in tables if one.names_images]
    if masks := _masks(images):
        concluded.append(
            f"{len(masks):,} images are called like masks of others, such as {masks[0]}: they count as images of their "
            "class; if they show none, move them out of the folder first"
        )
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
    if walked.empty:
        number = f"{len(walked.empty):,} folder{'s hold' if len(walked.empty) > 1 else ' holds'}"
        concluded.append(f"{number} nothing: {first_few(walked.empty)}")
    return Found(entries, [*concluded, *notes(aside)], left_out=aside, tables=[one.line for one in tables])
