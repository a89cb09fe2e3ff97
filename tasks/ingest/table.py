"""What a table says of the files: one class an image, told row by row where it does not."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tasks.errors import InputError, closest
from tasks.ingest.layout import NONE, PART_WORDS, is_part, part_named
from tasks.ingest.reading import COLUMNS, REQUIRED, ImageTable, cell_text, folded, read_table
from tasks.ingest.sources import Source
from tasks.ingest.wording import first_few, quoted
from tasks.ingest.written_paths import WrittenPaths, leads_out

PARTS = tuple(dict.fromkeys(PART_WORDS.values()))
SHOWN = 10  # rows named in a sentence
LOOKED_AT = 200  # rows by which a table is told to name images
MOST_PARTS = 8  # different words in a column that says parts
FILES = 3  # files named in a sentence
ROUNDED = 0.02  # how far the shares of an image may be from 1 together
YES, NO = ("1", "1.0", "true", "yes"), ("0", "0.0", "false", "no")  # in a column of a one-hot table, in lower case
# What people call the columns, in lower case with _ for spaces and -, the likeliest first.
OTHER_NAMES = {
    "path": (
        *("filename", "file_name", "file", "filepath", "file_path", "image", "image_path", "image_name", "image_file"),
        *("img", "img_path", "image_id", "image_index", "isic_id", "photo", "picture", "name", "id"),
    ),
    "label": (
        *("class", "class_name", "classname", "category", "target", "diagnosis", "dx", "species", "defect", "type"),
        *("label_name", "finding", "finding_labels", "disease", "breed", "grade", "level", "severity", "stage"),
        *("quality", "condition", "choice", "annotation", "ground_truth", "gt", "outcome", "tag", "y"),
    ),
    "group": ("patient_id", "patient", "subject_id", "subject", "case_id", "lesion_id", "slide_id", "lot", "wafer"),
    "part": ("split", "data_split", "dataset", "set", "subset", "partition", "usage", "fold"),
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
    parts
        What words in the column of the part mean (``ingest.parts``), where they don't say it.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    one_hot: bool = False
    strip: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)


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
        {line for line in table.rows if hot and sum(_is_one(table.cell(line, name)) for name in hot) > 1},
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
    notes = [*written.notes, *(f"{number:,} paths were found {way}" for way, number in sorted(finder.ways.items()))]
    if (part := _told_by(table, "part")) and "part" not in columns.names:
        said_so = f"part={part}"
        option = said_so if re.fullmatch(r"[\w=-]+", said_so) else quoted(said_so)
        notes.append(f"the column {part} seems to say parts, and is not used: call it part (add --columns {option})")
    elif "part" not in table.columns and (doubtful := _perhaps_parts(table)):
        name, words = doubtful
        notes.append(
            f"the column {name} may say parts ({first_few(words, SHOWN)}), and is not used: if it does, add --columns "
            f"{quoted(f'part={name}')}, and it is asked which is which"
        )
    return Listed(
        sorted(sources.values(), key=lambda source: source.path),
        notes,
        {name: {one.path: cell_text(table.cell(line, name)) for line, one in sources.items()} for name in others},
    )


@dataclass(frozen=True)
class Naming:
    """What a table that was not asked for says of images.

    Attributes
    ----------
    options
        The options that likely read it; empty where it needs none.
    has_label
        Whether a column likely says the class.
    """

    options: str
    has_label: bool


def naming(path: Path, files: Collection[str]) -> Naming | None:
    """What a table says of images, if most of its rows name one of `files`, which lie below its folder; else None."""
    try:
        table = read_table(path, path.name)
    except InputError:
        return None
    column = "path" if "path" in table.columns else _likely(table, "path", files)
    lines = list(table.rows)[:LOOKED_AT]
    if column is None or not lines:
        return None
    for below in (False, True):
        finder = WrittenPaths(Path(), files, below=below)
        if sum(finder.find(cell_text(table.cell(line, column))) is not None for line in lines) > len(lines) / 2:
            label = "label" if "label" in table.columns else _likely(table, "label", files, [column])
            flags = [name for name in table.names if name.strip() and _is_flag(table, name)]
            one_hot = "label" not in table.columns and len(flags) > 1 and (label is None or label in flags)
            return Naming(_options(table, files, one_hot)[0], label is not None or one_hot)
    return None


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
    return next((name.strip() for name in hot if _is_one(table.cell(line, name))), "")


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
    likely = _likely(table, "label", files)
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
    options, group = _options(table, files, one_hot)
    what = f" (leave out group, if images with the same {group} may be kept apart)" if group else ""
    return f"; add {options}{what}" if options else ""


def _options(table: ImageTable, files: Collection[str], one_hot: bool = False) -> tuple[str, str]:
    """The options that likely read the table, and the column that they call the group; empty where there are none."""
    found: dict[str, str] = {}
    for name in ("path",) if one_hot else REQUIRED:
        likely = name if name in table.columns else _likely(table, name, files, list(found.values()))
        if likely is None:
            return "", ""
        found[name] = likely
    more = {name: column for name in ("group", "part") if (column := _told_by(table, name))}
    said = ",".join(f"{name}={column}" for name, column in {**found, **more}.items() if name != column)
    parts = [f"--columns {quoted(said)}"] if said else []
    parts += ["--one-hot"] if one_hot else []
    return " ".join(parts), more.get("group", "")


def _told_by(table: ImageTable, wanted: str) -> str | None:
    """The column that likely says the group or the part, by its name and what stands in it; None if called so."""
    if wanted in table.columns:
        return None
    called = [_called(table, wanted)] if wanted == "group" else [name for name in table.names if name.strip()]
    for name in called:
        values = [text for value in table.column(name).values() if (text := cell_text(value))] if name else []
        different = set(values)
        if wanted == "group":
            says_it = 1 < len(different) < len(values)
        else:  # train, and few others of which one says a part too, or all of them in a column that is called so
            parts = [part_named(value, {}) for value in different]
            rest = sum(part is None for part in parts)
            so_called = name is not None and _plain(name) in OTHER_NAMES["part"]
            says_it = "train" in parts and 1 < len(different) <= MOST_PARTS and (so_called or rest <= 1)
        if values and says_it and name and folded(name) not in REQUIRED:
            return name.strip()
    return None


def _perhaps_parts(table: ImageTable) -> tuple[str, list[str]] | None:
    """A column that is called as if it said parts, in words that don't say which, and these words."""
    for name in table.names:
        if _plain(name) in OTHER_NAMES["part"] or re.fullmatch(r"(?:is|in)_?(?:train|val|valid|test)\w*", _plain(name)):
            words = sorted({text for value in table.column(name).values() if (text := cell_text(value))})
            if 1 < len(words) <= MOST_PARTS:
                return name.strip(), words
    return None


def _called(table: ImageTable, wanted: str) -> str | None:
    """The column that is called as people call the wanted one."""
    names = {_plain(name): name for name in reversed(table.names)}
    return next((names[other] for other in OTHER_NAMES[wanted] if other in names), None)


def _plain(column: str) -> str:
    """A column's name in lower case with _ between its words."""
    return re.sub(r"[\s-]+", "_", folded(column))


def _likely(table: ImageTable, wanted: str, files: Collection[str], taken: Collection[str] = ()) -> str | None:
    """The column that is likely the path or the label, by its name, or paths by what they lead to."""
    by_name = _called(table, wanted)
    if wanted == "label":
        aside = {*OTHER_NAMES["group"], *OTHER_NAMES["part"]}
        named = [name.strip() for name in table.names if name.strip() and _plain(name) not in aside]
        others = [name for name in named if name not in taken]
        if by_name is None and (near := closest(wanted, table.columns)):
            by_name = table.names[table.columns[near]]
        by_name = by_name or (others[0] if len(others) == 1 else None)
        return by_name.strip() if by_name else None
    lines = list(table.rows)[:LOOKED_AT]
    for below in (False, True):
        finder = WrittenPaths(Path(), files, below=below)
        share = {
            name: sum(finder.find(cell_text(table.cell(line, name))) is not None for line in lines) / max(1, len(lines))
            for name in table.names
            if name.strip()
        }
        best = max(share, key=lambda name: (share[name], _plain(name) in OTHER_NAMES["path"]), default=None)
        if best is not None and share[best] > 0.5:
            return best.strip()
    return by_name.strip() if by_name else None


def _is_flag(table: ImageTable, name: str) -> bool:
    values = {cell_text(value).lower() for value in table.column(name).values()}
    return bool(table.rows) and values <= {*YES, *NO}
