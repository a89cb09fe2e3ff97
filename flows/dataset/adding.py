"""Bringing one's own images: found, planned, checked against the disk, copied and tracked, in this order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flows import lockfile
from flows.dataset.archives import unpacked
from flows.dataset.bringing import Way, check_space, choose_way
from flows.dataset.entries import (
    Found,
    check_access,
    check_classes,
    check_group_column,
    chosen_entries,
    class_counts,
    plan_merge,
)
from flows.dataset.finding import Reading, default_ingest, find, find_present
from flows.dataset.freezing import freeze_before_adding
from flows.dataset.leaving_out import remember
from flows.dataset.page import laid_out, page
from flows.dataset.place import Report, carry_out, finish_interrupted
from flows.dataset.samples import is_sample
from flows.dataset.versions import POINTER, RAW, is_committed, require_repository, track
from flows.locks import workspace_lock
from tasks.errors import InputError
from tasks.ingest.columns import Columns
from tasks.ingest.left_out import LEFT_OUT
from tasks.ingest.reading import COLUMNS
from tasks.params.editing import changed, put_back_if_refused, set_values
from tasks.params.models import Group, Ingest, Split
from tasks.progress import say
from tasks.split.given_parts import open_question

PARAMS = "params.yaml"
SAMPLE_THERE = "data/raw holds the sample photos"
SAMPLE_CHOICE = "use --replace to put your images in their place, or --keep for one dataset of both"


def add(
    root: Path,
    path: Path,
    replace: bool = False,
    *,
    keep: bool = False,
    way: Way | None = None,
    columns: Columns | None = None,
    follow_links: bool = False,
    dry_run: bool = False,
    settings: Sequence[str] = (),
) -> Report | None:
    """Copy the images of a folder or table into `data/raw` and have DVC version it.

    Parameters
    ----------
    root
        The workspace.
    path
        A folder that holds one folder a class (possibly below parts, sites and the like), a folder with a `table.csv`,
        a ZIP or TAR archive of such a folder, or a table (CSV, Excel, Parquet) with the columns path, label and if
        known group and part.
    replace
        Put the images in the place of the present dataset, whose version stays in DVC's cache; else they join it, and
        the present split is frozen first, so that old images stay where they are.
    keep
        Let them join the sample photos as well, which is not done unasked.
    way
        How they come into the workspace; by default the cheapest that is safe.
    columns
        How the columns of a table are called.
    follow_links
        Whether links count as what they lead to.
    dry_run
        Only say what was found and what would be done; None comes back.
    settings
        ``key.path=value`` for `params.yaml`, which is written once the images can be taken.

    Raises
    ------
    InputError
        Something is wrong with the images, the table, the disk or the repository; `data/raw` is as it was.
    """
    require_repository(root)
    _check_path(root, path)
    with workspace_lock(root), unpacked(root, path) as folder:
        finish_interrupted(root)
        params = _settings(root, settings)
        present = find_present(root, params.ingest)
        sample = is_sample(present) and not (replace or keep)
        if sample and not dry_run:
            raise InputError(f"{SAMPLE_THERE}: {SAMPLE_CHOICE}")
        replace |= sample
        how = Reading(params.ingest, columns or Columns(), follow_links)
        new = find(folder, how, known=class_counts(() if replace else present.entries))
        if not new.entries:
            raise InputError("\n  ".join([f"{path}: no images found", *new.notes]))
        check_access(new.entries)
        if not replace:
            _check_presence(root, present)
        plan = plan_merge(Found([], []) if replace else present, new)
        check_classes(plan.entries, params.ingest, str(path), new.tables if path.is_dir() else ())
        check_group_column(plan, new, params.ingest)
        labelled = [one for one in chosen_entries(plan.entries, params.ingest) if one.label]
        if question := open_question((one.part for one in labelled), params.split, command=""):
            raise InputError(question)
        way = choose_way(root, (one.source for one in plan.copies), way)
        disk = check_space(root, plan, way)
        for line in laid_out([*page(new, plan, params.ingest, params.group, params.split), ("disk", [disk])]):
            say(line)
        if dry_run:
            end = ["nothing was copied: leave --dry-run out to take them; --set goes behind this line, or a run's"]
            end += [f"{SAMPLE_THERE}, which this page leaves out: {SAMPLE_CHOICE}"] if sample else []
            for line in laid_out([("next", end)]):
                say(line)
            return None
        with put_back_if_refused(root / PARAMS):
            if settings:
                set_values(root / PARAMS, settings)
            if replace:
                _secure(root, present)
            elif plan.copies:
                freeze_before_adding(root)
            report = carry_out(root, plan, keep=not replace, way=way)
        remember(root, new.left_out, plan.entries, keep=not replace)
        for line in laid_out([("next", _next_steps(root))]):
            say(line)
        return report


def _next_steps(root: Path) -> list[str]:
    kept = [name for name in (lockfile.POINTER, str(LEFT_OUT), PARAMS) if (root / name).is_file()]
    return [
        "a first answer, then the whole; and keep this version in git:",
        "  equipoise run --quick",
        "  equipoise run",
        f"  git add {' '.join(kept)} && git commit -m 'my images'",
    ]


def holds_sample(root: Path) -> bool:
    """Whether `data/raw` holds the sample photos, and nothing else."""
    return is_sample(find_present(root, default_ingest()))


@dataclass(frozen=True)
class _Settings:
    """What `params.yaml` says of reading data, of relatives and of given parts."""

    ingest: Ingest
    group: Group
    split: Split


def _settings(root: Path, settings: Sequence[str]) -> _Settings:
    """What `params.yaml` says with `settings`; the defaults where there is none."""
    file = root / PARAMS
    if not file.is_file() and not settings:
        return _Settings(default_ingest(), Group.model_validate({"backbone": ""}), Split.model_validate({}))
    params = changed(file, settings)[0]
    return _Settings(params.ingest, params.group, params.split)


def column_names(told: str) -> dict[str, str]:
    """The columns that ``path=filename,label=class`` names.

    Raises
    ------
    InputError
        It is no such list, or names something else than path, label, group and part.
    """
    found = {}
    for one in (piece for piece in told.split(",") if piece.strip()):
        name, equals, column = (part.strip() for part in one.partition("="))
        if name not in COLUMNS or not equals or not column:
            raise InputError(
                f"--columns: {one.strip()!r} should be one of {', '.join(COLUMNS)}, an equals sign and the table's own "
                "name for it, for instance path=filename,label=class"
            )
        found[name] = column
    return found


def _check_path(root: Path, path: Path) -> None:
    """Refuse a path that is missing, or that shares files with `data/raw`."""
    if not path.exists():
        raise InputError(f"{path}: there is no such folder or table")
    raw, real = (root / RAW).resolve(), path.resolve()
    if real.is_relative_to(raw):
        raise InputError(f"{path}: lies in data/raw itself; to version what you changed there, run `dvc add data/raw`")
    if raw.is_relative_to(real):
        raise InputError(f"{path}: holds data/raw itself; name the folder of the images")


def _check_presence(root: Path, present: Found) -> None:
    """Refuse to join a dataset of which only the pointer is here."""
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
