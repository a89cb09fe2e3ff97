"""Finding the images that a table names: CSV or Parquet with path, label, and if known group and part."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flows.dataset.entries import Entry, Found, listed
from tasks.errors import InputError, closest
from tasks.ingest.reading import COLUMNS, PART_NAMES, REQUIRED, ImageTable, count_measured, read_csv, read_parquet

TABLE_SUFFIXES = (".csv", ".tsv", ".parquet")


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
    content = _open(table)
    for column in REQUIRED:
        if column not in content.columns:
            meant = closest(column, content.columns)
            hint = f"; rename {content.names[content.columns[meant]]!r} to it" if meant else ""
            raise InputError(
                f"{table}: the column {column!r} is missing{hint} (the table has "
                f"{', '.join(content.names) or 'no columns'}; needed are path and label, possible are group and part)"
            )
    unused = [content.names[at] for name, at in content.columns.items() if name not in COLUMNS]
    notes = [f"{table.name}: columns not used: {', '.join(sorted(unused))}"] if unused else []
    return (
        (f"row {row}", {name: _text(content.cell(row, name), f"{table}: row {row}") for name in COLUMNS})
        for row in content.rows
    ), notes


def _open(table: Path) -> ImageTable:
    if table.suffix.lower() == ".parquet":
        return _open_parquet(table)
    try:
        content = read_csv(table, delimiters=",;\t")
    except UnicodeDecodeError as error:
        raise InputError(f"{table}: not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8") from None
    except (csv.Error, OSError) as error:
        raise InputError(f"{table}: can't be read as CSV: {error}") from None
    longer = [f"row {row}" for row in content.longer]
    if longer:
        raise InputError(f"{table}: {listed('rows have more values than columns; quote commas', longer)}")
    return content


def _open_parquet(table: Path) -> ImageTable:
    from pyarrow import ArrowException

    try:
        return read_parquet(table)
    except (ArrowException, OSError) as error:
        raise InputError(f"{table}: can't be read as Parquet: {error}") from None


def _text(value: Any, where: str) -> str:
    if isinstance(value, list | tuple | dict):
        raise InputError(f"{where}: holds several values, {value!r}; images with several labels are not supported")
    return "" if value is None else str(value).strip()


def _refuse_continuous(table: Path, labels: set[str]) -> None:
    if numbers := count_measured(labels - {""}):
        raise InputError(
            f"{table}: the labels are {numbers:,} different numbers, a measurement and not classes; "
            "cut them into classes first"
        )
