"""Bringing one's own images: found, planned, checked against the disk, copied and tracked, in this order."""

from __future__ import annotations

from pathlib import Path

from flows.dataset.archives import unpacked
from flows.dataset.entries import Found, class_counts, plan_merge
from flows.dataset.finding import find, find_present
from flows.dataset.freezing import freeze_before_adding
from flows.dataset.leaving_out import remember
from flows.dataset.place import Report, carry_out, finish_interrupted
from flows.dataset.samples import CLASSES, is_sample
from flows.dataset.versions import POINTER, RAW, is_committed, require_repository, track
from flows.locks import workspace_lock
from tasks.errors import InputError
from tasks.progress import say


def add(root: Path, path: Path, replace: bool = False) -> Report:
    """Copy the images of a folder or table into `data/raw` and have DVC version it.

    Parameters
    ----------
    root
        The workspace.
    path
        A folder that holds one folder a class (possibly below `train`, `val` and `test`), a folder with a `table.csv`,
        a ZIP or TAR archive of such a folder, or a table (CSV or Parquet) with the columns path, label and if known
        group and part.
    replace
        Put the images in the place of the present dataset, whose version stays in DVC's cache; else they join it, and
        the present split is frozen first, so that old images stay where they are.

    Raises
    ------
    InputError
        Something is wrong with the images, the table, the disk or the repository; `data/raw` is as it was.
    """
    require_repository(root)
    _check_path(root, path)
    with workspace_lock(root), unpacked(root, path) as folder:
        finish_interrupted(root)
        new = find(folder)
        if not new.entries:
            raise InputError("\n  ".join([f"{path}: no images found", *new.notes]))
        for note in new.notes:
            say(note)
        present = find_present(root)
        if replace:
            plan = plan_merge(Found([], []), new)
            _secure(root, present)
        else:
            _check_presence(root, present, new)
            plan = plan_merge(present, new)
            if plan.copies:
                freeze_before_adding(root)
        report = carry_out(root, plan, keep=not replace)
        remember(root, new.left_out, plan.entries, keep=not replace)
        return report


def _check_path(root: Path, path: Path) -> None:
    """Refuse a path that is missing, or that shares files with `data/raw`."""
    if not path.exists():
        raise InputError(f"{path}: there is no such folder or table")
    raw, real = (root / RAW).resolve(), path.resolve()
    if real.is_relative_to(raw):
        raise InputError(f"{path}: lies in data/raw itself; to version what you changed there, run `dvc add data/raw`")
    if raw.is_relative_to(real):
        raise InputError(f"{path}: holds data/raw itself; name the folder of the images")


def _check_presence(root: Path, present: Found, new: Found) -> None:
    """Refuse to join the sample with other classes, or a dataset of which only the pointer is here."""
    if is_sample(present) and not set(class_counts(new.entries)) <= set(CLASSES.values()):
        raise InputError("data/raw holds the sample photos; use --replace to put your images in their place")
    if not present.entries and (root / POINTER).exists():
        raise InputError(
            f"{POINTER} names a dataset that is not here: get it with `dvc pull` or `dvc checkout` first, or use "
            "--replace to put your images in its place"
        )


def _secure(root: Path, present: Found) -> None:
    """Let no dataset be replaced that could not be brought back; the sample always can."""
    if is_sample(present) or not (present.entries or (root / POINTER).exists()):
        return
    if present.entries:
        track(root)
    if not is_committed(root):
        raise InputError(
            f"the present dataset could not be brought back: git has no commit of {POINTER} as it stands. Commit it "
            f"first (git add {POINTER} && git commit), or remove data/raw and {POINTER} if nobody needs them"
        )
