"""Which columns of a table likely say the path, the label, the group and the part, and the options that read them.

They are told by what people call them and by what stands in them. What is found is offered, never used unasked.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.errors import InputError, closest
from tasks.ingest.layout import part_named
from tasks.ingest.reading import REQUIRED, ImageTable, cell_text, folded, read_table
from tasks.ingest.wording import first_few, quoted
from tasks.ingest.written_paths import WrittenPaths

LOOKED_AT = 200  # rows by which a table is told to name images
MOST_PARTS = 8  # different words in a column that says parts
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
    column = "path" if "path" in table.columns else likely_column(table, "path", files)
    lines = list(table.rows)[:LOOKED_AT]
    if column is None or not lines:
        return None
    for below in (False, True):
        finder = WrittenPaths(Path(), files, below=below)
        if sum(finder.find(cell_text(table.cell(line, column))) is not None for line in lines) > len(lines) / 2:
            label = "label" if "label" in table.columns else likely_column(table, "label", files, [column])
            flags = flag_columns(table)
            one_hot = "label" not in table.columns and len(flags) > 1 and (label is None or label in flags)
            return Naming(reading_options(table, files, one_hot)[0], label is not None or one_hot)
    return None


def likely_column(table: ImageTable, wanted: str, files: Collection[str], taken: Collection[str] = ()) -> str | None:
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


def reading_options(table: ImageTable, files: Collection[str], one_hot: bool = False) -> tuple[str, str]:
    """The options that likely read the table, and the column that they call the group; empty where there are none."""
    found: dict[str, str] = {}
    for name in ("path",) if one_hot else REQUIRED:
        likely = name if name in table.columns else likely_column(table, name, files, list(found.values()))
        if likely is None:
            return "", ""
        found[name] = likely
    more = {name: column for name in ("group", "part") if (column := _told_by(table, name))}
    said = ",".join(f"{name}={column}" for name, column in {**found, **more}.items() if name != column)
    parts = [f"--columns {quoted(said)}"] if said else []
    parts += ["--one-hot"] if one_hot else []
    return " ".join(parts), more.get("group", "")


def notes_on_parts(table: ImageTable, named: Collection[str]) -> list[str]:
    """The note on a column that seems to say parts, but is not used; `named` are those of `Columns.names`."""
    if (part := _told_by(table, "part")) and "part" not in named:
        said_so = f"part={part}"
        option = said_so if re.fullmatch(r"[\w=-]+", said_so) else quoted(said_so)
        return [f"the column {part} seems to say parts, and is not used: call it part (add --columns {option})"]
    if "part" not in table.columns and (doubtful := _perhaps_parts(table)):
        name, words = doubtful
        return [
            f"the column {name} may say parts ({first_few(words, MOST_PARTS)}), and is not used: if it does, add "
            f"--columns {quoted(f'part={name}')}, and it is asked which is which"
        ]
    return []


def flag_columns(table: ImageTable) -> list[str]:
    """The columns of 0 and 1, or of other words for no and yes, each of which may be a class."""
    return [name for name in table.names if name.strip() and _is_flag(table, name)]


def is_one(value: Any) -> bool:
    """Whether a cell of a one-hot table says that the image is of its column's class."""
    return cell_text(value).lower() in YES


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


def _is_flag(table: ImageTable, name: str) -> bool:
    values = {cell_text(value).lower() for value in table.column(name).values()}
    return bool(table.rows) and values <= {*YES, *NO}
