"""Which files there are below ``data/raw``, and what their folders say of them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tasks.errors import InputError, require_classes
from tasks.ingest.labels import mistakes, told
from tasks.ingest.layout import Place, read_layout
from tasks.ingest.wording import readable
from tasks.params.models import Ingest

SKIPPED_NAMES = ("thumbs.db", "desktop.ini", "__macosx")  # what operating systems leave behind; hidden files as well


@dataclass(frozen=True)
class Source:
    """One file and what the user says of it; `path` lies below the raw folder, `row` is that of a table."""

    path: str
    label: str | None = None
    group: str | None = None
    part: str | None = None
    row: int | None = None


def list_files(raw: Path) -> list[str]:
    """All files and links below `raw` as sorted paths with forward slashes, without what is hidden.

    Links to folders are listed, not followed.

    Raises
    ------
    InputError
        `raw` is missing, or a folder can't be read.
    """
    if not raw.is_dir():
        raise InputError(
            "data/raw is missing: run `equipoise sample` for sample photos, or `equipoise add PATH` for your own images"
        )

    def stop(error: OSError) -> None:
        raise InputError(f"the folder {error.filename} can't be read: {error.strerror}; give yourself access to it")

    found: list[str] = []
    for folder, folders, files in os.walk(raw, onerror=stop):
        folders[:] = [name for name in folders if not _is_skipped(name)]
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        below = Path(folder).relative_to(raw)
        found += [(below / name).as_posix() for name in (*files, *links) if not _is_skipped(name)]
    return sorted(found)


def _is_skipped(name: str) -> bool:
    return name.startswith(".") or name.lower() in SKIPPED_NAMES


def from_folders(
    files: Sequence[str], params: Ingest, known: Collection[str] = (), others: Collection[str] = ()
) -> tuple[list[Source], list[str]]:
    """The sources of a folder without a table, as `read_layout` reads its folders, and what was concluded.

    `others` are those of the files that are no images (`tasks.ingest.other_files`): they have no say in what the
    folders mean, and the label of the images beside them.
    """
    images = [path for path in files if path not in others]
    layout = read_layout(images, params.class_level, params.parts, known)
    beside = {path.rpartition("/")[0]: place.label for path, place in layout.places.items()}
    places = {path: Place(beside.get(path.rpartition("/")[0])) for path in others} | layout.places
    left_out = set(layout.left_out)
    sources = [
        Source(path, label=readable(place.label) if place.label else None, part=place.part)
        for path, place in sorted(places.items())
        if path not in left_out
    ]
    return sources, layout.sentences


def check_labels(sources: Iterable[Source], params: Ingest, where: str) -> None:
    """Refuse labels that can't be taken as they are (`tasks.ingest.labels`), after the classes were chosen.

    Raises
    ------
    InputError
        All mistakes, with the rows of a table.
    """
    sources = [source for source in sources if source.label]
    counts = Counter(str(source.label) for source in sources)
    if wrong := mistakes(counts, params.meant, params.rename):
        rows: dict[str, list[int]] = {}
        for source in sources:
            if source.row is not None:
                rows.setdefault(str(source.label), []).append(source.row)
        raise InputError(told(wrong, where, rows))


def choose_classes(sources: list[Source], rename: Mapping[str, str], drop: Iterable[str]) -> list[Source]:
    """The sources without the dropped classes, the others under their new names.

    Raises
    ------
    InputError
        `rename` or `drop` names a class that does not exist, or both name the same one.
    """
    names = sorted({source.label for source in sources if source.label})
    dropped = set(drop)
    for key, wanted in (("ingest.rename", set(rename)), ("ingest.drop", dropped)):
        require_classes(sorted(wanted), names, key)
    if both := sorted(dropped & set(rename)):
        raise InputError(f"ingest.rename and ingest.drop both name the class {both[0]!r}: choose one")
    return [
        replace(source, label=rename.get(source.label, source.label) if source.label else None)
        for source in sources
        if source.label not in dropped
    ]
