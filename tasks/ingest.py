"""The catalog: every file below ``data/raw`` opened safely once, a row an image, the unreadable ones set aside.

A class is a first folder below ``data/raw``, or what ``data/raw/table.csv`` says. Files with the same bytes are one
image with all their paths; the same bytes under two labels are nobody's truth and are set aside. Nothing is lost
silently: whatever is no row of the catalog stands in the table of rejected files with the reason.
"""

from __future__ import annotations

import csv
import difflib
import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import joblib
import pandas as pd

from tasks.errors import InputError
from tasks.images import Examined, examine_all
from tasks.params.models import Ingest
from tasks.slugs import slugs
from tasks.tables import CATALOG, REJECTED
from tasks.workspace import Progress, Workspace, say, write_json

TABLE = "table.csv"
COLUMNS = ("path", "label", "group", "part")
GIVEN_PARTS = ("train", "val", "test")
SKIPPED_NAMES = ("thumbs.db", "desktop.ini", "__macosx")  # what operating systems leave behind; hidden files as well
OTHER_SUFFIXES = (".txt", ".csv", ".tsv", ".json", ".xml", ".yaml", ".yml", ".md", ".html", ".pdf", ".npy", ".mat")
NOT_AN_IMAGE, OTHER_FILE = "not an image", "other file"
PART_FOLDERS = {"train", "training", "val", "valid", "validation", "test", "testing"}
MOST_CLASSES_OF_NUMBERS = 50
Row = TypeVar("Row")
CHUNK = 32  # files a task of a worker: its start costs less than one image

FAILURES = (  # reasons that count towards ingest.max_failed_share: these were meant to be images
    *("empty file", "not an image", "too many pixels", "damaged", "unsupported", "can't be opened"),
    *("broken link", "link out of data/raw", "not a file", "name is not UTF-8"),
)


@dataclass(frozen=True)
class Source:
    """One file and what the user says of it; `path` lies below the raw folder."""

    path: str
    label: str | None = None
    group: str | None = None
    part: str | None = None


def list_files(raw: Path) -> list[str]:
    """All files and links below `raw` as sorted paths with forward slashes, without what is hidden.

    Links to folders are listed, not followed.

    Raises
    ------
    InputError
        `raw` is missing, or a folder can't be read.
    """
    if not raw.is_dir():
        raise InputError(
            "data/raw is missing: run `equipoise sample` for sample photos, or `equipoise add PATH` for your own images"
        )

    def stop(error: OSError) -> None:
        raise InputError(f"the folder {error.filename} can't be read: {error.strerror}; give yourself access to it")

    found: list[str] = []
    for folder, folders, files in os.walk(raw, onerror=stop):
        folders[:] = [name for name in folders if not _is_skipped(name)]
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        below = Path(folder).relative_to(raw)
        found += [(below / name).as_posix() for name in (*files, *links) if not _is_skipped(name)]
    return sorted(found)


def _is_skipped(name: str) -> bool:
    return name.startswith(".") or name.lower() in SKIPPED_NAMES


def from_folders(files: Iterable[str]) -> list[Source]:
    """The sources of a raw folder without a table: the class is the first folder, none for files directly in it."""
    sources = [Source(path, label=_readable(path.partition("/")[0]) if "/" in path else None) for path in files]
    labels = {source.label for source in sources if source.label}
    if len(labels) > 1 and {label.lower() for label in labels} <= PART_FOLDERS:
        raise InputError(
            f"the folders in data/raw are parts ({', '.join(sorted(labels))}), but the first folder must be the class: "
            f"write data/raw/{TABLE} with the columns path, label and part instead"
        )
    return sources


def from_table(raw: Path) -> list[Source]:
    """The sources that ``table.csv`` names, in the order of their paths.

    Raises
    ------
    InputError
        The table can't be read, lacks a column, is multi-label or continuous, repeats a path, or names a part or file
        that there is not. Rows are named by their line in the file.
    """
    rows: dict[int, dict[Any, Any]] = {}
    try:
        with (raw / TABLE).open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            names = [name.strip().lower() for name in reader.fieldnames or []]
            reader.fieldnames = names
            for row in reader:
                rows[reader.line_num] = row
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        raise InputError(f"data/raw/{TABLE} is not a CSV table in UTF-8: {error}") from None
    _check_columns(names, rows)
    _refuse(rows, lambda row: None in row, "more values than columns (put values with commas in quotes)")
    cells = {line: [(row.get(name) or "").strip() for name in COLUMNS] for line, row in rows.items()}
    sources = {
        line: Source(path, label or None, group or None, part or None)
        for line, (path, label, group, part) in cells.items()
    }
    _refuse(sources, lambda source: not source.path, "no path")
    _refuse(sources, lambda source: not _stays_below(source.path), "paths that lead out of data/raw")
    _refuse(sources, lambda source: source.part not in (None, *GIVEN_PARTS), f"a part other than {GIVEN_PARTS}")
    sources = {line: replace(s, path=PurePosixPath(s.path).as_posix()) for line, s in sources.items()}
    _check_labels(sources)
    missing = [f"{s.path} (row {line})" for line, s in sources.items() if not os.path.lexists(raw / s.path)]
    if missing:
        raise InputError(f"data/raw/{TABLE} names {len(missing)} files that are not there: {_first(missing, 10)}")
    return sorted(sources.values(), key=lambda source: source.path)


def _stays_below(path: str) -> bool:
    return not PurePosixPath(path).is_absolute() and ".." not in PurePosixPath(path).parts


def _check_columns(names: list[str], rows: Mapping[int, Mapping[Any, Any]]) -> None:
    numbered = [name for name in names if re.fullmatch(r"labels?|label[ _-]?\d+", name)]
    flags = [name for name in names if rows and {row[name] for row in rows.values()} <= {"0", "1", "0.0", "1.0"}]
    if len(numbered) > 1 or ("label" not in names and len(flags) > 1):
        raise InputError(
            f"data/raw/{TABLE} is a multi-label table (label columns {', '.join(numbered or flags)}); Equipoise is for "
            "one label an image: give one column 'label' with one class name in each row"
        )
    lacking = [name for name in ("path", "label") if name not in names]
    if lacking:
        raise InputError(
            f"data/raw/{TABLE} has no column {' and no column '.join(lacking)}; its first line must name the columns "
            f"path,label and, if known, group,part, with commas between them; it is: {', '.join(names)}"
        )


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
    numbers = [number for number in map(_number, labels) if number is not None]
    continuous = len(numbers) == len(labels) > MOST_CLASSES_OF_NUMBERS
    if continuous and any(not number.is_integer() for number in numbers):
        raise InputError(
            f"the labels in data/raw/{TABLE} are continuous ({len(labels)} different numbers); Equipoise is for "
            "classes, not regression: cut the numbers into a few named classes"
        )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _refuse(rows: Mapping[int, Row], is_wrong: Callable[[Row], bool], what: str) -> None:
    wrong = [str(line) for line, row in rows.items() if is_wrong(row)]
    if wrong:
        raise InputError(f"data/raw/{TABLE}, row{'s' * (len(wrong) > 1)} {_first(wrong, 10)}: {what}")


def _first(items: list[str], number: int = 3) -> str:
    more = f" and {len(items) - number:,} more" if len(items) > number else ""
    return ", ".join(items[:number]) + more


def choose_classes(sources: list[Source], rename: Mapping[str, str], drop: Iterable[str]) -> list[Source]:
    """The sources without the dropped classes, the others under their new names.

    Raises
    ------
    InputError
        `rename` or `drop` names a class that does not exist, or both name the same one.
    """
    names = sorted({source.label for source in sources if source.label})
    dropped = set(drop)
    for key, wanted in (("ingest.rename", set(rename)), ("ingest.drop", dropped)):
        for name in sorted(wanted - set(names)):
            near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            raise InputError(f"{key}: there is no class {name!r}{hint}; the classes are {', '.join(names)}")
    if both := sorted(dropped & set(rename)):
        raise InputError(f"ingest.rename and ingest.drop both name the class {both[0]!r}: choose one")
    return [
        replace(source, label=rename.get(source.label, source.label) if source.label else None)
        for source in sources
        if source.label not in dropped
    ]


def check_classes(counts: Mapping[str, int], min_images: int) -> None:
    """Refuse fewer than two classes, classes with alike names, and classes with too few images."""
    if len(counts) < 2:
        only = f"only the class {next(iter(counts))!r}" if counts else "no class"
        raise InputError(
            f"there is {only} in data/raw, but at least two are needed: put the images of each class into a folder of "
            f"its own, data/raw/<class>/, or write data/raw/{TABLE} with the columns path and label"
        )
    slugs(counts)
    small = [f"{label!r} ({counts[label]})" for label in sorted(counts) if counts[label] < min_images]
    if small:
        raise InputError(
            f"classes with fewer than {min_images} images: {', '.join(small)}; leave them out with ingest.drop, merge "
            "them into another class with ingest.rename, or lower ingest.min_images"
        )


def open_all(raw: Path, paths: list[str], max_pixels: int, workers: int) -> list[Examined]:
    """Open all files in `workers` processes; the order of the paths is kept."""
    chunks = [paths[start : start + CHUNK] for start in range(0, len(paths), CHUNK)]
    results = joblib.Parallel(n_jobs=max(1, min(workers, len(chunks))), return_as="generator")(
        joblib.delayed(examine_all)(raw, chunk, max_pixels) for chunk in chunks
    )
    return list(Progress((seen for chunk in results for seen in chunk), "files", total=len(paths)))


def build_catalog(sources: list[Source], seen: list[Examined]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make the catalog and the table of rejected files.

    Parameters
    ----------
    sources, seen
        The same files in the same order.

    Returns
    -------
    catalog
        Table `CATALOG`, by `image_id`: one row for all files with the same content. What only some of them are given
        (label, group, part) holds for all.
    rejected
        Table `REJECTED`, by `path`: the unreadable files, and all files of a content that is given two labels, groups
        or parts.
    """
    contents: defaultdict[str, list[tuple[Source, dict[str, Any]]]] = defaultdict(list)
    rejected: list[dict[str, str | None]] = []
    for source, one in zip(sources, seen, strict=True):
        if one.facts is None:
            named_otherwise = one.reason == NOT_AN_IMAGE and source.path.lower().endswith(OTHER_SUFFIXES)
            rejected.append(_rejection(source, OTHER_FILE if named_otherwise else one.reason, one.detail))
        else:
            contents[one.facts["sha256"]].append((source, one.facts))
    rows: list[dict[str, Any]] = []
    for digest, files in contents.items():
        same = sorted((source for source, _ in files), key=lambda source: source.path)
        given = {
            name: sorted({getattr(source, name) for source in same} - {None}) for name in ("label", "group", "part")
        }
        torn = [name for name, values in given.items() if len(values) > 1]
        if torn:
            what = "; ".join(f"{name} {' and '.join(given[name])}" for name in torn)
            detail = f"same content as {_first([source.path for source in same])}, but {what}"
            rejected += [_rejection(source, f"conflicting {torn[0]}s", detail) for source in same]
            continue
        paths = [source.path for source in same]
        values = {name: value[0] if value else None for name, value in given.items()}
        rows.append({"image_id": digest[:16], "path": paths[0], "paths": paths, **values, **files[0][1]})
    catalog = pd.DataFrame(rows, columns=CATALOG.schema.names).sort_values("image_id", ignore_index=True)
    return catalog, rejected_table(rejected)


def rejected_table(rows: list[dict[str, str | None]]) -> pd.DataFrame:
    """Table `REJECTED` of the given rows, by path."""
    return pd.DataFrame(rows, columns=REJECTED.schema.names).sort_values("path", ignore_index=True)


def _rejection(source: Source, reason: str, detail: str) -> dict[str, str | None]:
    return {"path": _readable(source.path), "label": source.label, "reason": reason, "detail": detail}


def _readable(name: str) -> str:
    """A file's name as text, also where its bytes are not UTF-8."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def check_failures(rejected: pd.DataFrame, opened: int, max_failed_share: float) -> None:
    """Stop if no file could be read, or more than a share of them could not.

    Raises
    ------
    InputError
        With the number of files of each reason and the first of them.
    """
    failed = rejected[rejected["reason"].isin(FAILURES)]
    others = int(rejected["reason"].eq(OTHER_FILE).sum())
    if opened > others and len(failed) <= max_failed_share * (opened - others) and len(failed) < opened - others:
        return
    reasons = "".join(
        f"\n  {reason}: {len(rows):,} files, such as {_first(rows['path'].tolist())} ({rows['detail'].iloc[0]})"
        for reason, rows in rejected.groupby("reason")
    )
    if len(failed) + others == opened:
        raise InputError(f"no image in data/raw could be read:{reasons}")
    raise InputError(
        f"{len(failed):,} of {opened - others:,} images could not be read, more than ingest.max_failed_share "
        f"({max_failed_share}) allows; mend or remove them, or raise it:{reasons}"
    )


def summarise(catalog: pd.DataFrame, rejected: pd.DataFrame) -> dict[str, Any]:
    """What the catalog holds, in numbers."""
    labels = catalog["label"].dropna()
    return {
        "images": len(catalog),
        "files": int(catalog["paths"].map(len).sum()) + len(rejected),
        "same_content_files": int(catalog["paths"].map(len).sum()) - len(catalog),
        "several_frames": int((catalog["frames"] > 1).sum()),
        "unlabelled": len(catalog) - len(labels),
        "classes": _counts(labels),
        "slugs": slugs(labels),
        "formats": _counts(catalog["format"]),
        "modes": _counts(catalog["mode"]),
        "rejected": _counts(rejected["reason"]),
    }


def _counts(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def ingest(raw: Path, params: Ingest, workers: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make the catalog and the table of rejected files of a raw folder.

    Raises
    ------
    InputError
        There is nothing to work with, or too much is wrong; the message says what to do.
    """
    files = list_files(raw)
    has_table = TABLE in files
    all_sources = from_table(raw) if has_table else from_folders(files)
    if not all_sources:
        raise InputError("data/raw holds no images: put those of each class into data/raw/<class>/")
    sources = choose_classes(all_sources, params.rename, params.drop)
    check_classes(_counts(source.label for source in sources if source.label), params.min_images)
    catalog, rejected = build_catalog(
        sources, open_all(raw, [source.path for source in sources], params.max_pixels, workers)
    )
    for reason, number in _counts(rejected["reason"]).items():
        say(f"set aside: {number:,} files, {reason}")
    check_failures(rejected, len(sources), params.max_failed_share)
    check_classes(_counts(catalog["label"].dropna()), params.min_images)
    aside = [
        _rejection(source, "dropped class", "ingest.drop") for source in all_sources if source.label in params.drop
    ]
    if has_table:
        named = {source.path for source in all_sources} | {TABLE}
        aside += [_rejection(Source(path), "not in the table", TABLE) for path in files if path not in named]
    return catalog, rejected_table([*rejected.to_dict("records"), *aside])


def run(workspace: Workspace, name: str) -> None:
    """Make ``data/catalog`` from ``data/raw``."""
    catalog, rejected = ingest(workspace.path("data", "raw"), workspace.params.ingest, workspace.workers)
    summary = summarise(catalog, rejected)
    with workspace.output("data", "catalog") as folder:
        CATALOG.write(catalog, folder / "catalog.parquet")
        REJECTED.write(rejected, folder / "rejected.parquet")
        write_json(folder / "summary.json", summary)
    counts = ", ".join(f"{label} {number:,}" for label, number in summary["classes"].items())
    say(f"{len(catalog):,} images: {counts}; {summary['unlabelled']:,} unlabelled")
