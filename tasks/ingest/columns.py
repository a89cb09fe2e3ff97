"""How the columns of a table are to be read, and that it has those that one class an image needs."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tasks.errors import InputError, closest
from tasks.ingest.likely_columns import flag_columns, likely_column, reading_options
from tasks.ingest.reading import COLUMNS, REQUIRED, ImageTable, cell_text, folded
from tasks.ingest.wording import first_few
from tasks.ingest.written_paths import WrittenPaths

SHOWN = 10  # columns named in a sentence
ROUNDED = 0.02  # how far the shares of an image may be from 1 together


@dataclass(frozen=True)
class Columns:
    """How the columns of a table are to be read.

    Attributes
    ----------
    names
        The columns of path, label, group and part, by these words, where they are called otherwise.
    one_hot
        Whether the label is the name of the column that holds a one.
    strip
        What stands before the paths and is not here, as tables of other machines have it.
    parts
        What words in the column of the part mean (``ingest.parts``), where they don't say it.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    one_hot: bool = False
    strip: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)


def rename_columns(table: ImageTable, shown: str, names: Mapping[str, str]) -> ImageTable:
    """The table with the columns that `names` gives (`Columns.names`) called path, label, group and part.

    Raises
    ------
    InputError
        It has no column of such a name, or one is given two.
    """
    given: dict[str, str] = {}
    for name, old in names.items():
        if folded(old) in given:
            raise InputError(
                f"{shown}: the column {old!r} can't be both the {given[folded(old)]} and the {name}; name one for each"
            )
        given[folded(old)] = name
        if folded(old) not in table.columns:
            raise InputError(f"{shown} has no column {old!r}, which should be the {name}; it has {_names(table)}")
    return table.renamed(names)


def check_columns(table: ImageTable, shown: str, columns: Columns, files: Collection[str]) -> list[str]:
    """Refuse a table without the columns that are needed.

    Parameters
    ----------
    table
        With the columns under their new names (`rename_columns`).
    shown
        What messages call it.
    columns
        How they are to be read.
    files
        All files below its folder, by which the column of the paths is known.

    Returns
    -------
    list of str
        The columns that are classes, of a one-hot table; else none.

    Raises
    ------
    InputError
        A column is lacking or there twice, or the table has several labels an image, or shares of them.
    """
    names = [folded(name) for name in table.names]
    flags = flag_columns(table)
    if twice := [name for name in COLUMNS if names.count(name) > 1]:
        raise InputError(f"{shown} has the column {twice[0]} twice: rename all but the one that is meant")
    if columns.one_hot:
        flags = [name for name in flags if folded(name) not in COLUMNS]
        _check_soft(table, shown)
        if len(flags) < 2 or "path" not in names:
            raise InputError(
                f"{shown} is no one-hot table: it needs a column path and a column of 0 and 1 a class, but it has "
                f"{_names(table)}" + (_offer(table, files, one_hot=True) if len(flags) > 1 else "")
            )
        return flags
    numbered = [name for name in names if re.fullmatch(r"labels?|label[ _-]?\d+", name)]
    if len(numbered) > 1:
        raise InputError(
            f"{shown} is a multi-label table (label columns {', '.join(numbered)}); Equipoise is for one label an "
            "image: give one column 'label' with one class name in each row"
        )
    lacking = [name for name in REQUIRED if name not in names]
    likely = likely_column(table, "label", files)
    if "label" in lacking and len(flags) > 1 and (likely is None or likely in flags):
        raise InputError(
            f"{shown} has no column label, but columns of 0 and 1 ({', '.join(map(str.strip, flags))}): --one-hot "
            "reads them, if each "
            "is a class and each row has a 1 in one of them (a row with several would be a multi-label table, which "
            f"Equipoise refuses){_offer(table, files, one_hot=True)}"
        )
    if "label" in lacking and likely is None:
        _check_soft(table, shown)
    if lacking:
        offer = _offer(table, files)
        meant = [(name, closest(name, table.columns)) for name in lacking]
        hint = "".join(f"; did you mean {table.names[table.columns[near]]!r} by it?" for _, near in meant if near)
        finder = WrittenPaths(Path(), files)
        if len(table.columns) == 1 and len(re.findall(r"\S+", table.names[0])) > 1:
            hint += "; values have to be separated by commas, semicolons, tabs or |, which its first line has not"
        headless = any(finder.find(name.strip()) for name in table.names if name.strip())
        raise InputError(
            f"{shown} has no column {' and no column '.join(lacking)}{hint}; needed are path and label, possible are "
            f"group and part; it has {_names(table)}"
            + ("; the first line must name the columns: put path,label above it" if headless else offer)
        )
    return []


def _check_soft(table: ImageTable, shown: str) -> None:
    """Refuse a table that gives each class a share of the image."""
    shares = {}
    for name in table.names:
        values = [_share(value) for value in table.column(name).values()]
        if name.strip() and folded(name) not in COLUMNS and values and None not in values:
            shares[name] = [value for value in values if value is not None]
    sums = [sum(row) for row in zip(*shares.values(), strict=True)]
    soft = any(not value.is_integer() for values in shares.values() for value in values)
    if len(shares) > 1 and soft and sum(abs(one - 1) < ROUNDED for one in sums) > len(sums) / 2:
        raise InputError(
            f"{shown} gives soft labels, a share of 1 to each of the columns {first_few(list(shares), SHOWN)}; "
            "Equipoise takes one class an image: write the name of the likeliest into a column label"
        )


def _share(value: Any) -> float | None:
    """A cell as a number from 0 to 1; None where it is none."""
    try:
        number = float(cell_text(value).replace(",", "."))
    except ValueError:
        return None
    return number if 0 <= number <= 1 else None


def _names(table: ImageTable) -> str:
    return ", ".join(name.strip() or "one without a name" for name in table.names) or "no columns"


def _offer(table: ImageTable, files: Collection[str], one_hot: bool = False) -> str:
    """The line that likely reads the table, if there is one."""
    options, group = reading_options(table, files, one_hot)
    what = f" (leave out group, if images with the same {group} may be kept apart)" if group else ""
    return f"; add {options}{what}" if options else ""
