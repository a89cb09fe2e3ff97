"""What was found, on a page, before anything is copied: classes, parts, likely relatives, what is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from PIL import Image

from flows.dataset.entries import Entry, Found, Plan, class_counts
from tasks.disk import readable_size
from tasks.group.name_series import column_hints, hints, told
from tasks.ingest.wording import first_few
from tasks.params.models import Ingest

MOST_CLASSES = 12  # that are counted one by one
LOOKED_AT = 500  # images whose headers tell the sizes


def page(new: Found, plan: Plan, params: Ingest) -> Iterator[str]:
    """The lines of the page.

    Parameters
    ----------
    new
        What people bring.
    plan
        What becomes of the dataset with it.
    params
        The settings of the stage `ingest`.
    """
    entries = new.entries
    yield f"found {len(entries):,} images, {readable_size(sum(one.size for one in entries))}: {_kinds(entries)}"
    yield from new.notes
    counts = class_counts(plan.entries)
    unlabelled = sum(not one.label for one in plan.entries)
    shown = [f"{name} {number:,}" for name, number in sorted(counts.items(), key=lambda item: -item[1])]
    joined = " with those that are here" if len(plan.entries) > len(entries) else ""
    yield f"{len(counts):,} classes{joined}: {first_few(shown, MOST_CLASSES)}" + (
        f"; {unlabelled:,} unlabelled" if unlabelled else ""
    )
    small = [f"{name} ({number:,})" for name, number in counts.items() if number < params.min_images]
    if small:
        yield (
            f"fewer than {params.min_images} images, so that a run will refuse them: {first_few(small, MOST_CLASSES)}; "
            "add more, or set ingest.drop, ingest.rename or ingest.min_images"
        )
    yield _parts(plan.entries)
    yield from _groups(new, plan.entries)


def _kinds(entries: list[Entry]) -> str:
    """Endings of the names, and the range of the sizes of the first images."""
    endings = Counter(Path(one.path).suffix.lower().removeprefix(".") or "no ending" for one in entries)
    said = ", ".join(f"{number:,} {ending}" for ending, number in endings.most_common(5))
    sizes = [size for one in entries[:: max(1, len(entries) // LOOKED_AT)] if (size := _size(one.source))]
    if not sizes:
        return said
    low, high = min(sizes, key=_area), max(sizes, key=_area)
    return f"{said}; {low[0]} x {low[1]}" + (f" to {high[0]} x {high[1]}" if high != low else "") + " pixels"


def _area(size: tuple[int, int]) -> int:
    return size[0] * size[1]


def _size(file: Path) -> tuple[int, int] | None:
    try:
        with Image.open(file) as image:
            return image.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None  # told by the stage ingest, which opens every file


def _parts(entries: list[Entry]) -> str:
    counts = Counter(one.part for one in entries if one.part)
    if not counts:
        return "parts: none given, so the stage split draws a test part"
    return "parts: " + ", ".join(f"{part} {counts[part]:,}" for part in ("train", "val", "test") if counts[part])


def _groups(new: Found, entries: list[Entry]) -> Iterator[str]:
    groups = {one.group for one in entries if one.group}
    if groups:
        given = sum(bool(one.group) for one in entries)
        yield f"groups: {len(groups):,}, given for {given:,} images"
        return
    paths = pd.Series([one.path for one in new.entries])
    labels = pd.Series([one.label for one in new.entries])
    found = [*column_hints(new.columns, paths), *hints(paths, labels)]
    yield "groups: none given; near-duplicates are found by themselves, other relatives are not"
    for one in found[:2]:
        yield f"  {told(one)}"
