"""Finding the images that a table names: CSV or Parquet with path, label, and if known group and part."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flows.dataset.entries import Entry, Found, listed
from flows.dataset.folders import PART_NAMES
from tasks.errors import InputError

TABLE_SUFFIXES = (".csv", ".tsv", ".parquet")
REQUIRED = ("path", "label")
COLUMNS = (*REQUIRED, "group", "part")
CONTINUOUS = 50  # more different fractions than this are a measurement, not classes


def find_in_table(table: Path) -> Found:
    """Find the images that `table` names; its paths are relative to its own folder and stay inside it.

    Raises
    ------
    InputError
        The table can't be read, lacks a column, or has rows that can't be used: all mistakes of a kind at once, the
        first rows named.
    """
    rows, notes = _read(table)
    folder = table.parent.resolve()
    missing: list[str] = []
    outside: list[str] = []
    bad_parts: list[str] = []
    repeated: list[str] = []
    entries: dict[str, Entry] = {}
    first_row: dict[str, str] = {}
    for where, row in rows:
        source = folder / row["path"]
        real = source.resolve()
        if not row["path"] or not real.is_file():
            missing.append(f"{where}: {row['path'] or 'no path'}")
            continue
        if not real.is_relative_to(folder):
            outside.append(f"{where}: {row['path']}")
            continue
        inside = source if source.is_relative_to(folder) and ".." not in source.parts else real
        path = inside.relative_to(folder).as_posix()
        part = PART_NAMES.get(row["part"].lower(), "") if row["part"] else ""
        if row["part"] and not part:
            bad_parts.append(f"{where}: {row['part']!r}")
        if path in entries:
            repeated.append(f"{where}: {path} stands in {first_row[path]} already")
        entries[path] = Entry(path, row["label"], row["group"], part, source, real.stat().st_size)
        first_row.setdefault(path, where)
    mistakes = [
        listed(what, which)
        for what, which in (
            ("rows name files that are missing", missing),
            ("rows name files outside the folder of the table; put the table where all images lie below it", outside),
            ("rows have a part that is none of train, val, test", bad_parts),
            (
                "rows repeat an image; give each one row and one label (several labels are not supported)",
                repeated,
            ),
        )
        if which
    ]
    if mistakes:
        raise InputError("\n".join(f"{table}: {mistake}" for mistake in mistakes))
    if not entries:
        raise InputError(f"{table}: has no rows; give one row an image")
    _refuse_continuous(table, {entry.label for entry in entries.values()})
    return Found(list(entries.values()), notes, has_table=True)


def _read(table: Path) -> tuple[Iterator[tuple[str, dict[str, str]]], list[str]]:
    """The rows with all of `COLUMNS` as text, each with its place, and a note on columns that are not used."""
    names, rows = _read_parquet(table) if table.suffix.lower() == ".parquet" else _read_csv(table)
    columns = {name.strip().lower(): name for name in reversed(names)}
    for column in REQUIRED:
        if column not in columns:
            closest = difflib.get_close_matches(column, columns, n=1)
            hint = f"; rename {columns[closest[0]]!r} to it" if closest else ""
            raise InputError(
                f"{table}: the column {column!r} is missing{hint} (the table has {', '.join(names) or 'no columns'}; "
                "needed are path and label, possible are group and part)"
            )
    unused = [name for key, name in columns.items() if key not in COLUMNS]
    notes = [f"{table.name}: columns not used: {', '.join(sorted(unused))}"] if unused else []
    used = {column: columns.get(column) for column in COLUMNS}
    return (
        (where, {column: _text(row.get(name), f"{table}: {where}") if name else "" for column, name in used.items()})
        for where, row in rows
    ), notes


def _read_csv(table: Path) -> tuple[list[str], list[tuple[str, dict[str, Any]]]]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            header = file.readline()
            file.seek(0)
            delimiter = max(",;\t", key=header.count)
            reader = csv.DictReader(file, delimiter=delimiter, strict=True)
            rows: list[tuple[str, dict[str, Any]]] = [(f"row {reader.line_num}", row) for row in reader]
            longer = [where for where, row in rows if None in row]
            if longer:
                raise InputError(f"{table}: {listed('rows have more values than columns; quote commas', longer)}")
            return list(reader.fieldnames or []), rows
    except UnicodeDecodeError as error:
        raise InputError(f"{table}: not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8") from None
    except (csv.Error, OSError) as error:
        raise InputError(f"{table}: can't be read as CSV: {error}") from None


def _read_parquet(table: Path) -> tuple[list[str], list[tuple[str, dict[str, Any]]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        content = pq.read_table(table)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{table}: can't be read as Parquet: {error}") from None
    rows = [(f"row {number}", row) for number, row in enumerate(content.to_pylist(), start=1)]
    return [str(name) for name in content.column_names], rows


def _text(value: Any, where: str) -> str:
    if isinstance(value, list | tuple | dict):
        raise InputError(f"{where}: holds several values, {value!r}; images with several labels are not supported")
    return "" if value is None else str(value).strip()


def _refuse_continuous(table: Path, labels: set[str]) -> None:
    try:
        values = {float(label) for label in labels if label}
    except ValueError:
        return
    if len(values) > CONTINUOUS and any(not value.is_integer() for value in values):
        raise InputError(
            f"{table}: the labels are {len(values):,} different numbers, a measurement and not classes; "
            "cut them into classes first"
        )
