"""What a dataset is made of: one entry an image, and the rules for how entries lie below `data/raw`.

Everything here only plans; nothing is written.
"""

from __future__ import annotations

import filecmp
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from tasks.errors import InputError, did_you_mean
from tasks.ingest.reading import COLUMNS, folded
from tasks.ingest.sources import Source, check_labels
from tasks.ingest.wording import first_few, quoted
from tasks.params.models import Ingest

SHOWN = 10  # mistakes named in one message


@dataclass(frozen=True)
class Entry:
    """One image of a dataset.

    Attributes
    ----------
    path
        Where it lies below `data/raw`, with forward slashes.
    label
        Its class; empty for an unlabelled image.
    group
        Images with the same group are relatives; empty where not given.
    part
        ``train``, ``val`` or ``test``; empty where not given.
    source
        The file that holds it now.
    size
        Bytes.
    row
        The row of a table that names it, if one does.
    more
        What further columns of that table say of it, as far as they are kept.
    """

    path: str
    label: str
    group: str
    part: str
    source: Path
    size: int
    row: int | None = None
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def said(self) -> dict[str, str]:
        """What the table of a dataset says of it."""
        return {"path": self.path, "label": self.label, "group": self.group, "part": self.part}

    @property
    def said_more(self) -> list[tuple[str, str]]:
        """The same with all further columns, as pairs of name and cell."""
        return [*self.said.items(), *self.more.items()]


class LeftOut(NamedTuple):
    """A file that is no image that can be read; the columns of `data/left_out.csv`.

    Attributes
    ----------
    path
        Where it lies below the folder that was looked through, with forward slashes.
    label
        The class that may miss it; empty where it shows nothing.
    reason
        What it is, the same for all files of a kind.
    detail
        What to do with it, or its ending.
    """

    path: str
    label: str
    reason: str
    detail: str


@dataclass(frozen=True)
class Found:
    """The images that a folder or table holds.

    Attributes
    ----------
    entries
        The images.
    notes
        What was concluded, and what was left out and why, a sentence each.
    has_table
        Whether a table names them.
    columns
        Further columns of that table by name: the cell of each path as text.
    left_out
        What is no image that can be used, and why.
    tables
        Lines that read the tables which lie beside images that were found without one.
    """

    entries: list[Entry]
    notes: list[str]
    has_table: bool = False
    columns: dict[str, dict[str, str]] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Plan:
    """What is to be done to `data/raw`.

    Attributes
    ----------
    entries
        The whole dataset as it will be, in order of path.
    copies
        Those of them that have to be copied.
    needs_table
        Whether class folders alone can't say all that is known.
    """

    entries: list[Entry]
    copies: list[Entry]
    needs_table: bool

    @property
    def copied_bytes(self) -> int:
        """Bytes to copy."""
        return sum(entry.size for entry in self.copies)


def plan_merge(present: Found, new: Found) -> Plan:
    """Plan a dataset that holds the images of both; images that both have at the same path must be the same.

    Raises
    ------
    InputError
        An image is there already with other content or another label.
    """
    merged = {entry.path: entry for entry in present.entries}
    copies = []
    conflicts = []
    for entry in new.entries:
        there = merged.get(entry.path)
        if there is None:
            copies.append(entry)
            merged[entry.path] = entry
        elif there.said != entry.said:
            conflicts.append(f"{entry.path}: is there with {_described(there)}, now comes with {_described(entry)}")
        elif there.size != entry.size or not filecmp.cmp(there.source, entry.source, shallow=False):
            conflicts.append(f"{entry.path}: is there with other content")
    if conflicts:
        raise InputError(
            listed("images are in data/raw already, but not the same", conflicts)
            + "\nRename them, or use --replace to put the new dataset in the place of the whole old one"
        )
    entries = sorted(merged.values(), key=lambda entry: entry.path)
    has_table = present.has_table or any(_says_more_than_its_folder(entry) for entry in entries)
    return Plan(entries, copies, has_table)


def check_access(entries: Iterable[Entry]) -> None:
    """Refuse images that whoever runs this may not read, all at once and before anything is copied.

    Raises
    ------
    InputError
        There are such.
    """
    closed = [quoted(str(entry.source)) for entry in entries if not os.access(entry.source, os.R_OK)]
    if closed:
        raise InputError(
            listed("images may not be read by you", closed)
            + "\nGive yourself access to them (chmod u+r), or move them away, and try again"
        )


def check_classes(entries: list[Entry], params: Ingest, where: str, tables: Sequence[str] = ()) -> None:
    """Refuse a dataset that can't be classified, as the stage `ingest` would.

    Parameters
    ----------
    entries
        The whole dataset.
    params
        Which classes are renamed, merged and dropped, and which doubtful names are meant.
    where
        What messages call the place of the labels.
    tables
        Lines that read the tables which lie beside the images and were not read.

    Raises
    ------
    InputError
        No images, no labels, one class only, or labels that can't be taken as they are (`tasks.ingest.labels`).
    """
    chosen = chosen_entries(entries, params)
    counts = class_counts(chosen)
    if not counts:
        raise InputError(
            f"none of the {len(entries):,} images has a class: put the images of each class into a folder with its "
            f"name, or give a table with the columns path and label{_first_words(entries)}{beside(tables)}"
        )
    check_labels([Source(one.path, one.label or None, row=one.row) for one in chosen], params, where)
    if len(counts) == 1:
        raise InputError(_one_class(entries, next(iter(counts))) + beside(tables))


def check_group_column(plan: Plan, new: Found, params: Ingest) -> None:
    """Refuse a dataset whose table lacks the column that is to tell relatives, as the stage `ingest` would.

    Raises
    ------
    InputError
        With the columns that there are.
    """
    names = sorted({*COLUMNS, *(name for entry in plan.entries for name in entry.more)})
    if params.group_column and plan.needs_table and folded(params.group_column) not in map(folded, names):
        known = sorted({*names, *new.columns})
        raise InputError(
            f"ingest.group_column: the table has no column {params.group_column!r}"
            f"{did_you_mean(params.group_column, known)}; it has {', '.join(known)}"
        )


def given_groups(entries: Iterable[Entry], params: Ingest) -> list[str]:
    """The group that each image has from the user: that of `ingest.group_column`, where it is named."""
    if not params.group_column:
        return [one.group for one in entries]
    wanted = folded(params.group_column)
    return [next((cell for name, cell in one.said_more if folded(name) == wanted), "") for one in entries]


def chosen_entries(entries: Iterable[Entry], params: Ingest) -> list[Entry]:
    """Those whose class is not left out, with their classes renamed and merged as `params` say."""
    kept = (one for one in entries if one.label not in params.drop)
    return [replace(one, label=params.rename.get(one.label, one.label)) for one in kept]


def class_counts(entries: Iterable[Entry]) -> dict[str, int]:
    """Images a class, in order of name; unlabelled images don't count."""
    return dict(sorted(Counter(entry.label for entry in entries if entry.label).items()))


def listed(what: str, mistakes: list[str]) -> str:
    """``12 images are ...:`` with the first mistakes below, a line each."""
    shown = "".join(f"\n  {mistake}" for mistake in mistakes[:SHOWN])
    more = f"\n  and {len(mistakes) - SHOWN:,} more" if len(mistakes) > SHOWN else ""
    return f"{len(mistakes):,} {what}:{shown}{more}"


def _one_class(entries: list[Entry], name: str) -> str:
    message = f"all images have one class, {name!r}, but telling classes apart needs two or more"
    below = sorted({folders[1] for entry in entries if len(folders := entry.path.split("/")[:-1]) > 1})
    if len(below) > 1 and all(entry.path.startswith(f"{name}/") for entry in entries):
        return f"{message}. If {', '.join(below[:3])} are the classes, add the folder {name!r} inside it instead"
    return f"{message}: add a folder that holds one folder a class{_first_words(entries)}"


def _first_words(entries: list[Entry]) -> str:
    """What to do where the names of images begin with words that may be the classes: ``cat.0.jpg``, ``Cr_12.png``."""
    names = [entry.path.rpartition("/")[2] for entry in entries]
    words = Counter(found[1] for name in names if (found := re.match(r"([^\W\d_]+(?:_[^\W\d_]+)*)[\W_]*\d", name)))
    if not 2 <= len(words) <= len(names) / 4 or words.total() < len(names):
        return ""
    said = first_few([f"{word} {number:,}" for word, number in sorted(words.items())], 5)
    return f". Their names begin with {said}: if these are the classes, make such folders, or a table, of them"


def beside(tables: Sequence[str]) -> str:
    """The end of a message: which tables could be given in place of a folder."""
    if not tables:
        return ""
    lines = "".join(f"\n  {table}" for table in tables[:SHOWN])
    return f"\nIf a table that lies there names the classes, give it in place of the folder:{lines}"


def _says_more_than_its_folder(entry: Entry) -> bool:
    folder, slash, _ = entry.path.partition("/")
    return bool(entry.group or entry.part) or entry.label != (folder if slash else "")


def _described(entry: Entry) -> str:
    return ", ".join(f"{key} {value!r}" for key, value in entry.said.items() if key != "path" and value) or "no label"
