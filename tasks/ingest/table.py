"""What a table says of the files: one class an image, told row by row where it does not."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tasks.errors import InputError, closest
from tasks.ingest.layout import PART_WORDS
from tasks.ingest.reading import COLUMNS, REQUIRED, ImageTable, cell_text, folded, read_table
from tasks.ingest.sources import Source
from tasks.ingest.wording import first_few, quoted
from tasks.ingest.written_paths import WrittenPaths, leads_out

PARTS = tuple(dict.fromkeys(PART_WORDS.values()))
SHOWN = 10  # rows named in a sentence
FILES = 3  # files named in a sentence
YES, NO = ("1", "1.0", "true", "yes"), ("0", "0.0", "false", "no")  # in a column of a one-hot table, in lower case
# What people call the columns, in lower case, the likeliest first.
OTHER_NAMES = {
    "path": (
        "filename",
        "file_name",
        "file",
        "filepath",
        "file_path",
        "image",
        "image_path",
        "img",
        "image_id",
        "name",
    ),
    "label": ("class", "class_name", "category", "target", "diagnosis", "dx", "species", "defect", "type", "y"),
    "group": ("patient_id", "patient", "subject_id", "subject", "case_id", "lesion_id", "slide_id", "lot", "wafer"),
    "part": ("split", "set", "subset", "partition", "usage", "fold"),
}


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
    """

    names: Mapping[str, str] = field(default_factory=dict)
    one_hot: bool = False
    strip: str = ""


@dataclass(frozen=True)
class Listed:
    """What a table names.

    Attributes
    ----------
    sources
        In the order of their paths, which lie below the table's folder.
    notes
        What people should know of how it was read, a sentence each.
    others
        Further columns by name: the cell of each path as text.
    """

    sources: list[Source]
    notes: list[str]
    others: dict[str, dict[str, str]]


def read_sources(path: Path, shown: str, files: Collection[str], columns: Columns | None = None) -> Listed:
    """The images that a table names.

    Parameters
    ----------
    path
        The table.
    shown
        What messages call it.
    files
        All files below its folder, with forward slashes.
    columns
        How its columns are to be read.

    Raises
    ------
    InputError
        The table can't be read, lacks a column, has several labels an image, repeats a path, or names a part or file
        that there is not: all mistakes at once. Rows are named by their line in the file.
    """
    columns = columns or Columns()
    written = read_table(path, shown)
    for name, old in columns.names.items():
        if folded(old) not in written.columns:
            raise InputError(f"{shown} has no column {old!r}, which should be the {name}; it has {_names(written)}")
    table = written.renamed(columns.names)
    hot = _check_columns(table, shown, columns, files)
    rows = {
        line: Source(
            cell_text(table.cell(line, "path")),
            _label(table, line, hot) or None,
            cell_text(table.cell(line, "group")) or None,
            cell_text(table.cell(line, "part")) or None,
            line,
        )
        for line in table.rows
    }
    if not rows:
        raise InputError(f"{shown} has no rows; give one row an image")
    finder = WrittenPaths(path.parent, files, columns.strip)
    found = {line: finder.find(source.path) for line, source in rows.items()}
    if not any(found.values()):
        finder.below = True
        found = {line: finder.find(source.path) for line, source in rows.items()}
    wrong = _Mistakes(shown)
    wrong.add("more values than columns (put values with commas in quotes)", set(table.longer))
    wrong.add("no path", {line for line, source in rows.items() if not source.path})
    lost = {line for line, source in rows.items() if source.path and found[line] is None}
    out = {line for line in lost if leads_out(rows[line].path)}
    away = f"paths that lead out of {_folder(shown)}; put the table into a folder that holds all of its images"
    wrong.add(away, out, _tail(finder, rows, out))
    named = [f"{rows[line].path[:200]!r} (row {line})" for line in sorted(lost - out)]
    wrong.say(
        f"names {_counted(len(named))} not there: {first_few(named, FILES)}" if named else "",
        _tail(finder, rows, lost - out),
    )
    unsaid = {line for line, one in rows.items() if one.part and one.part.lower() not in PART_WORDS}
    wrong.add(f"a part other than {', '.join(PARTS)}", unsaid)
    wrong.add(
        "several labels; Equipoise is for one label an image, multi-label tables are refused: choose one class a row",
        {line for line in table.rows if hot and sum(_is_one(table.cell(line, name)) for name in hot) > 1},
    )
    sources = {
        line: Source(place, one.label, one.group, PART_WORDS.get((one.part or "").lower()), line)
        for line, one in rows.items()
        if (place := found[line]) is not None
    }
    lines: defaultdict[str, list[int]] = defaultdict(list)
    for line, source in sources.items():
        lines[source.path].append(line)
    torn = {path for path, at in lines.items() if len({sources[line].label for line in at}) > 1}
    wrong.add(
        "an image that other rows give another label; multi-label tables are refused: choose one class an image",
        {line for line, source in sources.items() if source.path in torn},
    )
    wrong.add(
        "a path that stands in several rows: keep one",
        {line for line, source in sources.items() if len(lines[source.path]) > 1 and source.path not in torn},
    )
    wrong.stop()
    others = [name for name in table.others if name not in hot]
    notes = [*written.notes, *(f"{number:,} paths were found {way}" for way, number in sorted(finder.ways.items()))]
    if part := _told_by(table, "part"):
        notes.append(f"the column {part} seems to say parts, and is not used: call it part (add --columns part={part})")
    return Listed(
        sorted(sources.values(), key=lambda source: source.path),
        notes,
        {name: {one.path: cell_text(table.cell(line, name)) for line, one in sources.items()} for name in others},
    )


class _Mistakes:
    """The mistakes of a table, a line each."""

    def __init__(self, shown: str) -> None:
        self.shown = shown
        self.lines: list[str] = []

    def add(self, what: str, rows: Collection[int], more: str = "") -> None:
        """Rows that have one mistake."""
        if rows:
            named = first_few([str(row) for row in sorted(rows)], SHOWN)
            self.lines.append(f"{self.shown}, row{'s' * (len(rows) > 1)} {named}: {what}{more}")

    def say(self, sentence: str, more: str = "") -> None:
        """A mistake in words of its own, if there is one."""
        if sentence:
            self.lines.append(f"{self.shown} {sentence}{more}")

    def stop(self) -> None:
        """Raise all of them, if there are any."""
        if self.lines:
            raise InputError("\n".join(self.lines))


def _counted(files: int) -> str:
    return "a file that is" if files == 1 else f"{files:,} files that are"


def _folder(shown: str) -> str:
    return str(Path(shown).parent)


def _tail(finder: WrittenPaths, rows: Mapping[int, Source], lost: Collection[int]) -> str:
    """The line that finds paths of another machine, if there is one."""
    tail = finder.common_tail(rows[line].path for line in lost)
    if tail is None:
        return ""
    prefix, number = tail
    return f"; without {prefix} in front {number:,} of them are here: add --strip {quoted(prefix)}"


def _label(table: ImageTable, line: int, hot: Collection[str]) -> str:
    if not hot:
        return cell_text(table.cell(line, "label"))
    return next((name for name in hot if _is_one(table.cell(line, name))), "")


def _is_one(value: Any) -> bool:
    return cell_text(value).lower() in YES


def _check_columns(table: ImageTable, shown: str, columns: Columns, files: Collection[str]) -> list[str]:
    """Refuse a table without the columns that are needed; returns those that are classes, of a one-hot table."""
    names = [folded(name) for name in table.names]
    flags = [name for name in table.names if name.strip() and _is_flag(table, name)]
    if twice := [name for name in COLUMNS if names.count(name) > 1]:
        raise InputError(f"{shown} has the column {twice[0]} twice: rename all but the one that is meant")
    if columns.one_hot:
        flags = [name for name in flags if folded(name) not in COLUMNS]
        if len(flags) < 2 or "path" not in names:
            raise InputError(
                f"{shown} is no one-hot table: it needs a column path and a column of 0 and 1 a class, but it has "
                f"{_names(table)}{_offer(table, files, one_hot=True)}"
            )
        return flags
    numbered = [name for name in names if re.fullmatch(r"labels?|label[ _-]?\d+", name)]
    if len(numbered) > 1:
        raise InputError(
            f"{shown} is a multi-label table (label columns {', '.join(numbered)}); Equipoise is for one label an "
            "image: give one column 'label' with one class name in each row"
        )
    lacking = [name for name in REQUIRED if name not in names]
    likely = _likely(table, "label", files)
    if "label" in lacking and len(flags) > 1 and (likely is None or likely in flags):
        raise InputError(
            f"{shown} has no column label, but columns of 0 and 1 ({', '.join(flags)}): --one-hot reads them, if each "
            "is a class and each row has a 1 in one of them (a row with several would be a multi-label table, which "
            f"Equipoise refuses){_offer(table, files, one_hot=True)}"
        )
    if lacking:
        offer = _offer(table, files)
        meant = [(name, closest(name, table.columns)) for name in lacking]
        hint = "".join(f"; did you mean {table.names[table.columns[near]]!r} by it?" for _, near in meant if near)
        finder = WrittenPaths(Path(), files)
        headless = any(finder.find(name.strip()) for name in table.names if name.strip())
        raise InputError(
            f"{shown} has no column {' and no column '.join(lacking)}{hint}; needed are path and label, possible are "
            f"group and part; it has {_names(table)}"
            + ("; the first line must name the columns: put path,label above it" if headless else offer)
        )
    return []


def _names(table: ImageTable) -> str:
    return ", ".join(name.strip() or "one without a name" for name in table.names) or "no columns"


def _offer(table: ImageTable, files: Collection[str], one_hot: bool = False) -> str:
    """The line that likely reads the table, if there is one."""
    found: dict[str, str] = {}
    for name in ("path",) if one_hot else REQUIRED:
        likely = name if name in table.columns else _likely(table, name, files, list(found.values()))
        if likely is None:
            return ""
        found[name] = likely
    more = {name: column for name in ("group", "part") if (column := _told_by(table, name))}
    said = ",".join(f"{name}={column}" for name, column in {**found, **more}.items() if name != column)
    parts = [f"--columns {quoted(said)}"] if said else []
    parts += ["--one-hot"] if one_hot else []
    if not parts:
        return ""
    what = f" (leave out group, if images with the same {more['group']} may be kept apart)" if "group" in more else ""
    return f"; add {' '.join(parts)}{what}"


def _told_by(table: ImageTable, wanted: str) -> str | None:
    """The column that likely says the group or the part, by its name and what stands in it; None if called so."""
    name = next((name for name in OTHER_NAMES[wanted] if name in table.columns), None)
    if name is None or wanted in table.columns:
        return None
    values = [text for value in table.column(name).values() if (text := cell_text(value))]
    different = {value.lower() for value in values}
    says_it = different <= PART_WORDS.keys() if wanted == "part" else 1 < len(different) < len(values)
    return table.names[table.columns[name]].strip() if values and says_it else None


def _likely(table: ImageTable, wanted: str, files: Collection[str], taken: Collection[str] = ()) -> str | None:
    """The column that is likely the path or the label, by its name, or paths by what they lead to."""
    by_name = next((name for name in OTHER_NAMES[wanted] if name in table.columns), None)
    if wanted == "label":
        others = [name.strip() for name in table.names if name.strip() and name.strip() not in taken]
        by_name = by_name or closest(wanted, table.columns) or (others[0].lower() if len(others) == 1 else None)
        return table.names[table.columns[by_name]].strip() if by_name else None
    lines = list(table.rows)[:200]
    for below in (False, True):
        finder = WrittenPaths(Path(), files, below=below)
        share = {
            name: sum(finder.find(cell_text(table.cell(line, name))) is not None for line in lines) / max(1, len(lines))
            for name in table.names
            if name.strip()
        }
        best = max(share, key=lambda name: (share[name], folded(name) in OTHER_NAMES["path"]), default=None)
        if best is not None and share[best] > 0.5:
            return best.strip()
    return table.names[table.columns[by_name]].strip() if by_name else None


def _is_flag(table: ImageTable, name: str) -> bool:
    values = {cell_text(value).lower() for value in table.column(name).values()}
    return bool(table.rows) and values <= {*YES, *NO}
