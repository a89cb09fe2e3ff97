"""What the user's ``data/raw/table.csv`` says of the files: one class an image, told row by row where it does not."""

from __future__ import annotations

import csv
import os
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TypeVar

from tasks.errors import InputError
from tasks.ingest.reading import COLUMNS, PARTS, REQUIRED, TABLE, ImageTable, count_measured, read_csv
from tasks.ingest.sources import Source
from tasks.ingest.wording import first_few

Row = TypeVar("Row")


def from_table(raw: Path) -> list[Source]:
    """The sources that ``table.csv`` names, in the order of their paths.

    Raises
    ------
    InputError
        The table can't be read, lacks a column, is multi-label or continuous, repeats a path, or names a part or file
        that there is not. Rows are named by their line in the file.
    """
    try:
        table = read_csv(raw / TABLE)
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        raise InputError(f"data/raw/{TABLE} is not a CSV table in UTF-8: {error}") from None
    _check_columns(table)
    _refuse(
        table.rows,
        lambda row: len(row) > len(table.names),
        "more values than columns (put values with commas in quotes)",
    )
    cells = {line: [(table.cell(line, name) or "").strip() for name in COLUMNS] for line in table.rows}
    sources = {
        line: Source(path, label or None, group or None, part or None)
        for line, (path, label, group, part) in cells.items()
    }
    _refuse(sources, lambda source: not source.path, "no path")
    _refuse(sources, lambda source: not _stays_below(source.path), "paths that lead out of data/raw")
    _refuse(sources, lambda source: source.part not in (None, *PARTS), f"a part other than {PARTS}")
    sources = {line: replace(s, path=PurePosixPath(s.path).as_posix()) for line, s in sources.items()}
    _check_labels(sources)
    missing = [f"{s.path} (row {line})" for line, s in sources.items() if not os.path.lexists(raw / s.path)]
    if missing:
        raise InputError(f"data/raw/{TABLE} names {len(missing)} files that are not there: {first_few(missing, 10)}")
    return sorted(sources.values(), key=lambda source: source.path)


def _stays_below(path: str) -> bool:
    return not PurePosixPath(path).is_absolute() and ".." not in PurePosixPath(path).parts


def _check_columns(table: ImageTable) -> None:
    names = [name.strip().lower() for name in table.names]
    numbered = [name for name in names if re.fullmatch(r"labels?|label[ _-]?\d+", name)]
    flags = [name for name in names if table.rows and _is_flag({table.cell(line, name) for line in table.rows})]
    if len(numbered) > 1 or ("label" not in names and len(flags) > 1):
        raise InputError(
            f"data/raw/{TABLE} is a multi-label table (label columns {', '.join(numbered or flags)}); Equipoise is for "
            "one label an image: give one column 'label' with one class name in each row"
        )
    lacking = [name for name in REQUIRED if name not in names]
    if lacking:
        raise InputError(
            f"data/raw/{TABLE} has no column {' and no column '.join(lacking)}; its first line must name the columns "
            f"path,label and, if known, group,part, with commas between them; it is: {', '.join(names)}"
        )


def _is_flag(values: set[str | None]) -> bool:
    return values <= {"0", "1", "0.0", "1.0"}


def _check_labels(sources: Mapping[int, Source]) -> None:
    """Refuse what is not one class name an image."""
    labels = {source.label for source in sources.values() if source.label}
    apart = {label: [part.strip() for part in re.split(r"[|;,]", label)] for label in labels}
    several = {
        label
        for label, parts in apart.items()
        if re.fullmatch(r"\[.*\]|\{.*\}", label) or "|" in label or (len(parts) > 1 and labels.issuperset(parts))
    }
    _refuse(
        sources,
        lambda source: source.label in several,
        "several labels; Equipoise is for one label an image, multi-label tables are refused: choose one class a row",
    )
    lines: defaultdict[str, list[int]] = defaultdict(list)
    for line, source in sources.items():
        lines[source.path].append(line)
    torn = {path for path, at in lines.items() if len({sources[line].label for line in at}) > 1}
    _refuse(
        sources,
        lambda source: source.path in torn,
        "an image that other rows give another label; multi-label tables are refused: choose one class an image",
    )
    _refuse(sources, lambda source: len(lines[source.path]) > 1, "a path that stands in several rows: keep one")
    if numbers := count_measured(labels):
        raise InputError(
            f"the labels in data/raw/{TABLE} are continuous ({numbers} different numbers); Equipoise is for "
            "classes, not regression: cut the numbers into a few named classes"
        )


def _refuse(rows: Mapping[int, Row], is_wrong: Callable[[Row], bool], what: str) -> None:
    wrong = [str(line) for line, row in rows.items() if is_wrong(row)]
    if wrong:
        raise InputError(f"data/raw/{TABLE}, row{'s' * (len(wrong) > 1)} {first_few(wrong, 10)}: {what}")
