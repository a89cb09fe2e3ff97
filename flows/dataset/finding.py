"""Finding a dataset, whichever way it is laid out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path

from flows.dataset.entries import Found
from flows.dataset.folders import find_in_folder
from flows.dataset.table import find_in_table
from flows.dataset.versions import RAW
from tasks.errors import InputError
from tasks.ingest.columns import Columns
from tasks.ingest.reading import SUFFIXES, TABLE
from tasks.params.models import Ingest


def default_ingest() -> Ingest:
    """The settings of a workspace that says none."""
    return Ingest.model_validate({})


@dataclass(frozen=True)
class Reading:
    """How what people bring is to be read.

    Attributes
    ----------
    params
        What folders and labels mean, where it isn't found.
    columns
        How the columns of a table are called.
    follow_links
        Whether links count as what they lead to.
    """

    params: Ingest = field(default_factory=default_ingest)
    columns: Columns = field(default_factory=Columns)
    follow_links: bool = False


def find(path: Path, how: Reading | None = None, known: Collection[str] = ()) -> Found:
    """Find the images of a folder of classes, of a folder with a `table.csv`, or of a table.

    Parameters
    ----------
    path
        The folder or table.
    how
        How to read it.
    known
        Classes that the dataset has already.

    Raises
    ------
    InputError
        `path` is none of these, or what it holds is wrong.
    """
    how = how or Reading()
    keep = [how.params.group_column] if how.params.group_column else []
    columns = replace(how.columns, parts=how.params.parts)
    if path.is_dir():
        if (path / TABLE).is_file():
            return find_in_table(path / TABLE, columns, how.follow_links, keep)
        return find_in_folder(path, how.params, known, how.follow_links)
    if path.suffix.lower() in SUFFIXES:
        return find_in_table(path, columns, how.follow_links, keep)
    raise InputError(
        f"{path}: give a folder that holds one folder a class, a ZIP or TAR archive of one, or a table "
        f"({', '.join(SUFFIXES)})"
    )


def find_present(root: Path, params: Ingest) -> Found:
    """The dataset that stands in `data/raw`, with all that its table says; without entries where there is none."""
    raw = root / RAW
    if (raw / TABLE).is_file():
        return find_in_table(raw / TABLE, keep=None)
    return find_in_folder(raw, params) if raw.is_dir() else Found([], [])
