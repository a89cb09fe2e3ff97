"""Which files there are below ``data/raw``, and what their folders say of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tasks.errors import InputError, did_you_mean
from tasks.ingest.reading import PART_NAMES, TABLE
from tasks.ingest.wording import readable

SKIPPED_NAMES = ("thumbs.db", "desktop.ini", "__macosx")  # what operating systems leave behind; hidden files as well


@dataclass(frozen=True)
class Source:
    """One file and what the user says of it; `path` lies below the raw folder."""

    path: str
    label: str | None = None
    group: str | None = None
    part: str | None = None


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


def from_folders(files: Iterable[str]) -> list[Source]:
    """The sources of a raw folder without a table: the class is the first folder, none for files directly in it."""
    sources = [Source(path, label=readable(path.partition("/")[0]) if "/" in path else None) for path in files]
    labels = {source.label for source in sources if source.label}
    if len(labels) > 1 and {label.lower() for label in labels} <= PART_NAMES.keys():
        raise InputError(
            f"the folders in data/raw are parts ({', '.join(sorted(labels))}), but the first folder must be the class: "
            f"write data/raw/{TABLE} with the columns path, label and part instead"
        )
    return sources


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
        for name in sorted(wanted - set(names)):
            hint = did_you_mean(name, names)
            raise InputError(f"{key}: there is no class {name!r}{hint}; the classes are {', '.join(names)}")
    if both := sorted(dropped & set(rename)):
        raise InputError(f"ingest.rename and ingest.drop both name the class {both[0]!r}: choose one")
    return [
        replace(source, label=rename.get(source.label, source.label) if source.label else None)
        for source in sources
        if source.label not in dropped
    ]
