"""Reading a table that names images: path, label and, if known, group and part.

One reader for `ingest`, which reads the table that stands in ``data/raw``, and for `equipoise add`, which reads those
that people bring. It says what stands in a table; who asks says what is wrong with that, in words for that place.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

TABLE = "table.csv"  # where it stands in a folder, it says what is an image, and folders mean nothing
REQUIRED = ("path", "label")
COLUMNS = (*REQUIRED, "group", "part")
PARTS = ("train", "val", "test")
PART_NAMES = {  # what people call the parts, in lower case
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
MOST_NUMBERS = 50  # more different fractions than this are a measurement, not classes


@dataclass(frozen=True)
class ImageTable:
    """A table as it stands in its file.

    Attributes
    ----------
    names
        The columns as they are written.
    rows
        The cells of each row, in the order of the columns, by the row's number: its line in a CSV file, else from 1.
    """

    names: list[str]
    rows: dict[int, list[Any]]

    @cached_property
    def columns(self) -> dict[str, int]:
        """Where each column stands, by its name in lower case and without spaces around; the last of a name counts."""
        return {name.strip().lower(): at for at, name in enumerate(self.names)}

    @property
    def longer(self) -> list[int]:
        """Numbers of the rows that have more cells than there are columns."""
        return [number for number, row in self.rows.items() if len(row) > len(self.names)]

    def cell(self, number: int, column: str) -> Any:
        """A cell of a row; None where the row ends before it, or the table has no such column."""
        at, row = self.columns.get(column), self.rows[number]
        return row[at] if at is not None and at < len(row) else None


def read_csv(path: Path, delimiters: str = ",") -> ImageTable:
    """Read text in UTF-8 whose values are separated by the one of `delimiters` that its first line has most of.

    Raises
    ------
    OSError, UnicodeDecodeError, csv.Error
        The file can't be opened, is no UTF-8, or has quotes that don't end.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = file.readline()
        file.seek(0)
        reader = csv.reader(file, delimiter=max(delimiters, key=header.count), strict=True)
        names = next(reader, [])
        rows = ((reader.line_num, row) for row in reader if row)
        return ImageTable(names, dict(rows))


def read_parquet(path: Path) -> ImageTable:
    """Read a Parquet file.

    Raises
    ------
    OSError, pyarrow.ArrowException
        The file can't be opened, or is none.
    """
    import pyarrow.parquet as pq

    content = pq.read_table(path)
    rows = zip(*(column.to_pylist() for column in content.columns), strict=True)
    return ImageTable(list(map(str, content.column_names)), {at: list(row) for at, row in enumerate(rows, start=1)})


def count_measured(labels: Iterable[str]) -> int:
    """How many different numbers the labels are, if they are a measurement and not classes, else 0."""
    try:
        values = {float(label) for label in labels}
    except ValueError:
        return 0
    measured = len(values) > MOST_NUMBERS and any(not value.is_integer() for value in values)
    return len(values) if measured else 0
