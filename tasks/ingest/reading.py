"""Reading a table that names images, whatever it was written with: CSV, TSV, Excel or Parquet.

One reader for `ingest`, which reads the table that stands in ``data/raw``, and for `equipoise add`, which reads those
that people bring. It says what stands in a table; `tasks.ingest.columns` and `tasks.ingest.table` say what is wrong
with that.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from tasks.errors import InputError

TABLE = "table.csv"  # where it stands in a folder, it says what is an image, and folders mean nothing
REQUIRED = ("path", "label")
COLUMNS = (*REQUIRED, "group", "part")
SUFFIXES = (".csv", ".tsv", ".parquet", ".xlsx")
LONGEST_CELL = 2**31 - 1  # letters; csv itself stops at 131,072
LINES_ABOVE = 10  # lines that are looked at for the names of columns
DELIMITERS = ",;\t|"
_SAID_DELIMITER = re.compile(r'"?sep=(.)"?\r?\n?')  # a first line that Excel writes and understands


@dataclass(frozen=True)
class ImageTable:
    """A table as it stands in its file.

    Attributes
    ----------
    names
        The columns as they are written.
    rows
        The cells of each row, in the order of the columns, by the row's number: its line in a CSV file, else from 1.
    notes
        What people should know of how it was read, a sentence each.
    """

    names: list[str]
    rows: dict[int, list[Any]]
    notes: list[str] = field(default_factory=list)

    @cached_property
    def columns(self) -> dict[str, int]:
        """Where each column stands, by its name in lower case and without spaces around; the last of a name counts."""
        return {folded(name): at for at, name in enumerate(self.names)}

    @property
    def others(self) -> list[str]:
        """Columns that have a name, but none that says path, label, group or part."""
        return [name for name in self.names if name.strip() and folded(name) not in COLUMNS]

    @property
    def longer(self) -> list[int]:
        """Numbers of the rows that have more cells than there are columns."""
        return [number for number, row in self.rows.items() if len(row) > len(self.names)]

    def cell(self, number: int, column: str) -> Any:
        """A cell of a row; None where the row ends before it, or the table has no such column."""
        at, row = self.columns.get(folded(column)), self.rows[number]
        return row[at] if at is not None and at < len(row) else None

    def column(self, name: str) -> dict[int, Any]:
        """The cells of a column by the row's number."""
        return {number: self.cell(number, name) for number in self.rows}

    def renamed(self, names: Mapping[str, str]) -> ImageTable:
        """The same table with the columns that `names` gives, new name: present name, under their new names.

        A column that bears a new name already, and is another, is put aside under an empty name.
        """
        present = {folded(old): new for new, old in names.items()}
        written = []
        for name in self.names:
            key = folded(name)
            written.append(present.get(key, "" if key in names else name))
        return ImageTable(written, self.rows, self.notes)


def read_table(path: Path, shown: str) -> ImageTable:
    """Read a table by the ending of its name; anything but the `SUFFIXES` counts as CSV.

    Parameters
    ----------
    path
        The file.
    shown
        What messages call it.

    Raises
    ------
    InputError
        It can't be opened, or is no such table.
    """
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return _read_parquet(path, shown)
    if suffix == ".xlsx":
        return _read_excel(path, shown)
    try:
        return read_csv(path, DELIMITERS)
    except (csv.Error, OSError) as error:
        raise InputError(f"{shown} is not a CSV table: {error}") from None


def read_csv(path: Path, delimiters: str = ",") -> ImageTable:
    """Read text whose values are separated by the one of `delimiters` that its first line has most of, or names.

    Text is UTF-8, or UTF-16 by its byte order mark or the zeros in its first letters; what is neither is taken as
    Windows-1252, which spreadsheets write in western Europe, and that is said.

    Raises
    ------
    OSError, csv.Error
        The file can't be opened, or has quotes that don't end.
    """
    data = path.read_bytes()
    notes = []
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", "replace")
    elif data[1:4:2] == bytes(2):
        text = data.decode("utf-16-le", "replace")
    elif data[0:3:2] == bytes(2):
        text = data.decode("utf-16-be", "replace")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", "replace")
            notes.append(f"{path.name} is not UTF-8: it was read as Windows-1252 (Latin-1); check names with accents")
    file = io.StringIO(text, newline="")
    header = file.readline()
    delimiter = max(delimiters, key=header.count)
    above = 0  # lines before that of the names
    if (said := _SAID_DELIMITER.fullmatch(header)) and said[1] in delimiters:
        delimiter, above = said[1], 1
    else:
        file.seek(0)
    csv.field_size_limit(LONGEST_CELL)
    title = _lines_above(text, delimiters) if not above else 0
    if title:
        notes.append(f"{path.name}: the first {title} line{'s' * (title > 1)}, above the names of columns, left out")
        below = text.split("\n", title)[title]
        above, file = title, io.StringIO(below, newline="")
        delimiter = max(delimiters, key=below.partition("\n")[0].count)
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    names = next(reader, [])
    rows = ((above + reader.line_num, row) for row in reader if any(cell.strip() for cell in row))
    return ImageTable(names, dict(rows), notes)


def _lines_above(text: str, delimiters: str) -> int:
    """How many lines stand above that with the names of columns: titles and remarks, of one cell each."""
    lines = text.split("\n", LINES_ABOVE + 1)[: LINES_ABOVE + 1]
    filled = [max(sum(bool(cell.strip()) for cell in line.split(sign)) for sign in delimiters) for line in lines]
    at = next((at for at, number in enumerate(filled) if number > 1), 0)
    is_name = any(folded(cell) in COLUMNS for cell in re.split(r"[\s,;|]+", lines[0]))
    return 0 if is_name or '"' in "".join(lines[:at]) else at


def _read_parquet(path: Path, shown: str) -> ImageTable:
    import pyarrow.parquet as pq
    from pyarrow import ArrowException

    try:
        content = pq.read_table(path)
    except (ArrowException, OSError) as error:
        raise InputError(f"{shown}: can't be read as Parquet: {error}") from None
    rows = zip(*(column.to_pylist() for column in content.columns), strict=True)
    return ImageTable(list(map(str, content.column_names)), {at: list(row) for at, row in enumerate(rows, start=1)})


def _read_excel(path: Path, shown: str) -> ImageTable:
    """The sheet with a path and a label, else that with the most rows; rows are numbered as Excel does."""
    try:
        from python_calamine import CalamineError, CalamineWorkbook
    except ModuleNotFoundError:
        raise InputError(
            f"{shown}: reading Excel files needs a package more: pip install 'equipoise[excel]'; or save it as CSV"
        ) from None
    try:
        book = CalamineWorkbook.from_path(str(path))
        sheets = [(name, book.get_sheet_by_name(name).to_python(skip_empty_area=False)) for name in book.sheet_names]
    except (CalamineError, OSError) as error:
        raise InputError(f"{shown}: can't be read as Excel: {error}") from None
    filled = [(name, rows) for name, rows in sheets if any(cell_text(cell) for row in rows for cell in row)]
    if not filled:
        return ImageTable([], {})
    tables = []
    for name, rows in filled:
        notes = [f"{path.name}: only the sheet {name!r} was read"] if len(filled) > 1 else []
        head, *body = (at for at, row in enumerate(rows) if any(cell_text(cell) for cell in row))
        wide = [at for at in (head, *body)[:LINES_ABOVE] if sum(bool(cell_text(cell)) for cell in rows[at]) > 1]
        if wide and wide[0] > head:
            head, body = wide[0], [at for at in body if at > wide[0]]
            notes.append(f"{path.name}: the first rows, above the names of columns, were left out")
        names = [cell_text(cell) for cell in rows[head]]
        tables.append(ImageTable(names, {at + 1: list(rows[at]) for at in body}, notes))
    best = max(tables, key=lambda table: (set(REQUIRED) <= table.columns.keys(), len(table.rows)))
    alike = [
        name for (name, _), table in zip(filled, tables, strict=True) if table.columns.keys() == best.columns.keys()
    ]
    if len(alike) > 1 and len(best.columns) > 1:
        raise InputError(
            f"{shown}: the sheets {', '.join(alike)} have the same columns: put all rows into one sheet (a column part "
            "can say train, val or test), or save the one that is meant as CSV"
        )
    return best


def folded(column: str) -> str:
    """A column's name as it is compared: without spaces around, in lower case."""
    return column.strip().lower()


def cell_text(value: Any) -> str:
    """A cell as text: a whole number without its decimals, a day without its midnight.

    What holds several values is written as a list, which no label may be.
    """
    if isinstance(value, list | tuple | dict | set):
        return str(value)
    if value is None or value != value:  # NaN is not itself
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime) and value.time() == value.time().min:
        return value.date().isoformat()
    return str(value).strip()
