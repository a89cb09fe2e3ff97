"""What a table says of the files: one class an image, told row by row where it does not."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tasks.errors import InputError
from tasks.ingest.columns import Columns, check_columns, rename_columns
from tasks.ingest.layout import NONE, PART_WORDS, is_part, part_named
from tasks.ingest.likely_columns import is_one, notes_on_parts
from tasks.ingest.reading import ImageTable, cell_text, read_table
from tasks.ingest.sources import Source
from tasks.ingest.wording import first_few, quoted
from tasks.ingest.written_paths import WrittenPaths, leads_out

PARTS = tuple(dict.fromkeys(PART_WORDS.values()))
SHOWN = 10  # rows named in a sentence
FILES = 3  # files named in a sentence


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
    table = rename_columns(written, shown, columns.names)
    hot = check_columns(table, shown, columns, files)
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
    wrong.add(away, out, _tail(finder, rows, out) or _nearer(path, [rows[line].path for line in out]))
    named = [f"{rows[line].path[:200]!r} (row {line})" for line in sorted(lost - out)]
    wrong.say(
        f"names {_counted(len(named))} not there: {first_few(named, FILES)}" if named else "",
        _tail(finder, rows, lost - out) + _several(finder, rows, lost),
    )
    said = {line: part_named(one.part, columns.parts) for line, one in rows.items() if one.part}
    unsaid = {line for line, part in said.items() if part not in (*PARTS, NONE)}
    wrong.add(f"a part other than {', '.join(PARTS)}", unsaid, _parts_to_say(str(rows[line].part) for line in unsaid))
    rows = {line: one for line, one in rows.items() if said.get(line) != NONE}
    wrong.add(
        "several labels; Equipoise is for one label an image, multi-label tables are refused: choose one class a row",
        {line for line in table.rows if hot and sum(is_one(table.cell(line, name)) for name in hot) > 1},
    )
    sources = {
        line: Source(place, one.label, one.group, said.get(line), line)
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
    ways = [f"{number:,} paths were found {way}" for way, number in sorted(finder.ways.items())]
    return Listed(
        sorted(sources.values(), key=lambda source: source.path),
        [*table.notes, *ways, *notes_on_parts(table, columns.names)],
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


def _several(finder: WrittenPaths, rows: Mapping[int, Source], lost: Collection[int]) -> str:
    """What to do about names of which several files may be meant."""
    fits = {line: finder.several(rows[line].path) for line in sorted(lost)}
    unsure = [line for line, files in fits.items() if files]
    if not unsure:
        return ""
    line = unsure[0]
    return (
        f"; {len(unsure):,} of them may be several, {rows[line].path!r} for instance "
        f"{first_few([repr(one) for one in fits[line]], FILES)}: write folders and endings too, or put the table into "
        "the folder that is meant"
    )


def _nearer(table: Path, written: Sequence[str]) -> str:
    """The lines that take a table whose paths all lead to files through a folder above it."""
    slashed = [one.replace("\\", "/") for one in written]
    up = max((len(re.match(r"(\.\./)*", one)[0]) // 3 for one in slashed), default=0)  # type: ignore[index]
    above = table.parent.resolve()
    for _ in range(up):
        above = above.parent
    if not up or not all((table.parent / one).is_file() for one in slashed):
        return ""
    there = quoted(str(above / table.name))
    return (
        f"; that is {above}:\n  cp {quoted(str(table))} {there} && equipoise add {there} --strip "
        f"{quoted('/'.join(['..'] * up))}"
    )


def _parts_to_say(words: Iterable[str]) -> str:
    """The lines that say what words in the column of the part mean."""
    found = list(dict.fromkeys(words))
    if not found:
        return ""
    more = f" and so on for {first_few(found[1:], FILES)}" if len(found) > 1 else ""
    return (
        f"; say what {found[0]!r} is: --set {is_part(found[0], 'test')} (or val, train, {NONE} to leave it out){more}"
    )


def _label(table: ImageTable, line: int, hot: Collection[str]) -> str:
    if not hot:
        return cell_text(table.cell(line, "label"))
    return next((name.strip() for name in hot if is_one(table.cell(line, name))), "")
