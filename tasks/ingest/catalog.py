"""The catalog: what was found in the files, a row an image, and the table of what is no row of it, with the reasons."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.depth import DEPTHS, depth_of
from tasks.errors import InputError
from tasks.images import NOT_AN_IMAGE, OTHER_FILE
from tasks.ingest.checks import check_classes, check_failures
from tasks.ingest.columns import Columns
from tasks.ingest.examine import ODDITIES, Examined
from tasks.ingest.found_depth import Setting, found_depth, shown_at
from tasks.ingest.other_files import is_named_like_an_image, kind_to_leave_out
from tasks.ingest.reading import TABLE
from tasks.ingest.reasons import CONFLICTING, DROPPED_CLASS, NOT_IN_TABLE
from tasks.ingest.sources import Source, check_labels, choose_classes, from_folders, list_files
from tasks.ingest.stored import examine_files
from tasks.ingest.table import read_sources
from tasks.ingest.wording import first_few, readable
from tasks.params.models import Ingest
from tasks.progress import say
from tasks.row_store import RowStore
from tasks.slugs import slugs
from tasks.tables import CATALOG, REJECTED


def ingest(raw: Path, params: Ingest, workers: int, store: RowStore) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make the catalog and the table of rejected files of a raw folder; `store` is that of `known_files`.

    Raises
    ------
    InputError
        There is nothing to work with, or too much is wrong; the message says what to do.
    """
    files = list_files(raw)
    has_table = TABLE in files
    if has_table:
        columns = Columns({"group": params.group_column} if params.group_column else {}, parts=params.parts)
        listed = read_sources(raw / TABLE, f"data/raw/{TABLE}", files, columns)
        all_sources, notes = listed.sources, listed.notes
    else:
        kinds = {path: kind_to_leave_out(raw / path) for path in files}
        others = {path for path, kind in kinds.items() if kind and not kind.shows_something}
        all_sources, notes = from_folders(files, params, others=others)
    for note in notes:
        say(note)
    if not all_sources:
        raise InputError("data/raw holds no images: put those of each class into data/raw/<class>/")
    sources = choose_classes(all_sources, params.rename, params.drop)
    check_labels(sources, params, f"data/raw/{TABLE}" if has_table else "data/raw")
    check_classes(_counts(source.label for source in sources if source.label), params.min_images, params.drop)
    seen = examine_files(raw, [source.path for source in sources], params.max_pixels, workers, store)
    for oddity, number in _counts(oddity for one in seen if one.facts for oddity in one.facts[ODDITIES]).items():
        say(f"unusual, but whole and used: {number:,} files, {oddity}")
    catalog, rejected = build_catalog(sources, seen, params.depth)
    for reason, number in _counts(rejected["reason"]).items():
        say(f"set aside: {number:,} files, {reason}")
    check_failures(rejected, len(sources), params.max_failed_share)
    check_classes(_counts(catalog["label"].dropna()), params.min_images, params.drop)
    aside = [_rejection(source, DROPPED_CLASS, "ingest.drop") for source in all_sources if source.label in params.drop]
    if has_table:
        named = {source.path for source in all_sources} | {TABLE}
        aside += [_rejection(Source(path), NOT_IN_TABLE, TABLE) for path in files if path not in named]
    return catalog, rejected_table([*rejected.to_dict("records"), *aside])


def build_catalog(sources: list[Source], seen: list[Examined], depth: Setting) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make the catalog and the table of rejected files.

    Parameters
    ----------
    sources, seen
        The same files in the same order.
    depth
        ``ingest.depth``; what is found is said.

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
            was_meant = source.row is not None or is_named_like_an_image(source.path)
            reason = OTHER_FILE if one.reason == NOT_AN_IMAGE and not was_meant else one.reason
            rejected.append(_rejection(source, reason, one.detail))
        else:
            contents[one.facts["sha256"]].append((source, one.facts))
    rows: list[dict[str, Any]] = []
    for digest, files in contents.items():
        same = sorted((source for source, _ in files), key=lambda source: source.path)
        given = {name: sorted({getattr(source, name) for source in same} - {None}) for name in CONFLICTING}
        torn = [name for name, values in given.items() if len(values) > 1]
        if torn:
            what = "; ".join(f"{name} {' and '.join(given[name])}" for name in torn)
            detail = f"same content as {first_few([source.path for source in same])}, but {what}"
            rejected += [_rejection(source, CONFLICTING[torn[0]], detail) for source in same]
            continue
        paths = [source.path for source in same]
        values = {name: value[0] if value else None for name, value in given.items()}
        rows.append({"image_id": digest[:16], "path": paths[0], "paths": paths, **values, **files[0][1]})
    found, sentences = found_depth({row["path"]: row["bits"] for row in rows}, depth)
    for sentence in sentences:
        say(sentence)
    rows = [shown_at(row, found) for row in rows]
    catalog = pd.DataFrame(rows, columns=CATALOG.schema.names).sort_values("image_id", ignore_index=True)
    return catalog, rejected_table(rejected)


def rejected_table(rows: list[dict[str, str | None]]) -> pd.DataFrame:
    """Table `REJECTED` of the given rows, by path."""
    return pd.DataFrame(rows, columns=REJECTED.schema.names).sort_values("path", ignore_index=True)


def _rejection(source: Source, reason: str, detail: str) -> dict[str, str | None]:
    return {"path": readable(source.path), "label": source.label, "reason": reason, "detail": detail}


def summarise(catalog: pd.DataFrame, rejected: pd.DataFrame) -> dict[str, Any]:
    """What the catalog holds, in numbers."""
    labels = catalog["label"].dropna()
    deep = int(catalog["depth"].isin(DEPTHS).sum())
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
        "deep": deep,
        "depth": depth_of(catalog) if deep else None,
        "rejected": _counts(rejected["reason"]),
    }


def _counts(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))
