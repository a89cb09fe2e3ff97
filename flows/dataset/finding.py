"""Finding a dataset, whichever way it is laid out."""

from __future__ import annotations

from pathlib import Path

from flows.dataset.entries import Found
from flows.dataset.folders import find_in_folder
from flows.dataset.table import TABLE_SUFFIXES, find_in_table
from flows.dataset.versions import RAW
from tasks.errors import InputError
from tasks.ingest.reading import TABLE


def find(path: Path) -> Found:
    """Find the images of a folder of classes, of a folder with a `table.csv`, or of a table.

    Raises
    ------
    InputError
        `path` is none of these, or what it holds is wrong.
    """
    if path.is_dir():
        return find_in_table(path / TABLE) if (path / TABLE).is_file() else find_in_folder(path)
    if path.suffix.lower() in TABLE_SUFFIXES:
        return find_in_table(path)
    raise InputError(
        f"{path}: give a folder that holds one folder a class, a ZIP or TAR archive of one, or a table "
        f"({', '.join(TABLE_SUFFIXES)})"
    )


def find_present(root: Path) -> Found:
    """The dataset that stands in `data/raw`; without entries where there is none."""
    return find(root / RAW) if (root / RAW).is_dir() else Found([], [])
