"""Putting a planned dataset into `data/raw`, whole or not at all."""

from __future__ import annotations

import csv
import errno
import io
import shutil
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from flows.dataset.bringing import Way, bring, link_types
from flows.dataset.entries import Entry, Plan, class_counts
from flows.dataset.versions import RAW, track
from tasks.errors import InputError
from tasks.files import link_file, write_text
from tasks.ingest.reading import REQUIRED, TABLE, folded
from tasks.progress import Progress, say
from tasks.workspace import STATE

NEW, OLD = Path(STATE, "scratch", "raw-new"), Path(STATE, "scratch", "raw-old")


@dataclass(frozen=True)
class Report:
    """What stands in `data/raw` now.

    Attributes
    ----------
    images
        Number of images, unlabelled ones included.
    classes
        Images a class, in order of name.
    copied
        Images that were copied just now.
    version
        DVC's hash of `data/raw`.
    """

    images: int
    classes: dict[str, int]
    copied: int
    version: str


def carry_out(root: Path, plan: Plan, keep: bool, way: Way = Way.COPY) -> Report:
    """Make `data/raw` what `plan` says, have DVC version it, and tell each step.

    `keep` says whether the files that stand in `data/raw` stay, `way` how others come.

    Raises
    ------
    InputError
        The disk is full, a file can't be read, or DVC refuses.
    """
    classes = class_counts(plan.entries)
    images = len(plan.entries)
    if plan.copies:
        _place(root, plan, keep, way)
    version = track(root, link_types(way))
    say(f"DVC tracks data/raw as version {version[:8]}")
    return Report(images, classes, len(plan.copies), version)


def _place(root: Path, plan: Plan, keep: bool, way: Way) -> None:
    """Make the new folder beside the old one, then rename."""
    raw, new, old = root / RAW, root / NEW, root / OLD
    shutil.rmtree(new, ignore_errors=True)
    try:
        new.mkdir(parents=True)
        if keep and raw.exists():
            # Both names of a file exist only until the old folder goes, so links are as good as copies, and free.
            shutil.copytree(raw, new, copy_function=link_file, dirs_exist_ok=True)
        for entry in Progress(plan.copies, "images copied" if way is Way.COPY else "images linked"):
            target = new / entry.path
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                bring(entry.source, target, way)
            except FileExistsError as error:
                raise InputError(_one_file_of_two(entry, target, plan)) from error
        if plan.needs_table:
            write_text(new / TABLE, _table(plan.entries))
        raw.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(old, ignore_errors=True)
        if raw.exists():
            raw.rename(old)
        new.rename(raw)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise InputError("the disk is full; data/raw is as it was. Free some space and try again") from error
        raise InputError(f"could not bring the images: {error}; data/raw is as it was") from error
    finally:
        finish_interrupted(root)
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _one_file_of_two(entry: Entry, target: Path, plan: Plan) -> str:
    """Why an image can't be brought to `target`, where another one stands already."""

    def spelled(path: str) -> str:
        return unicodedata.normalize("NFC", path).casefold()

    alike = (one.path for one in plan.entries if one.path != entry.path and spelled(one.path) == spelled(entry.path))
    return (
        f"{entry.path} and {next(alike, target.name)} can't both be brought: their names differ by the case of letters "
        "or by how letters with signs are written, which is one name to the disk of this workspace. Rename one of "
        "them; data/raw is as it was"
    )


def finish_interrupted(root: Path) -> None:
    """Put back a dataset that a killed run had moved aside; call it while holding the workspace."""
    if (root / OLD).exists() and not (root / RAW).exists():
        (root / OLD).rename(root / RAW)


def _table(entries: list[Entry]) -> str:
    """The dataset as CSV; columns of which nothing is known are left out, and those spelled alike are one."""
    columns = [*REQUIRED]
    columns += [name for name in ("group", "part") if any(entry.said[name] for entry in entries)]
    text = io.StringIO()
    spelled = {folded(name): name for name in sorted({one for entry in entries for one in entry.more}, reverse=True)}
    columns += sorted(spelled.values())
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for entry in entries:
        writer.writerow({spelled[folded(name)]: cell for name, cell in entry.more.items()} | entry.said)
    return text.getvalue()
