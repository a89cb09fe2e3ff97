"""What was found, on a page, before anything is copied: classes, parts, likely relatives, what is left out."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pandas as pd

from flows.dataset.entries import Entry, Found, Plan, chosen_entries, class_counts, given_groups
from tasks.disk import readable_size
from tasks.group.name_series import column_hints, hints, told
from tasks.group.relations import captured
from tasks.images import size_in_header
from tasks.ingest.wording import first_few, set_names
from tasks.params.models import Group, Ingest, Split

MOST_CLASSES = 12  # that are counted one by one
LOOKED_AT = 500  # images whose headers tell the sizes
_TITLE = 9  # columns of what a paragraph is about


Paragraph = tuple[str, list[str]]
"""What it is about, and its lines, of which those that begin with spaces are to be typed."""


def page(new: Found, plan: Plan, ingest: Ingest, group: Group, split: Split) -> Iterator[Paragraph]:
    """The paragraphs of the page.

    Parameters
    ----------
    new
        What people bring.
    plan
        What becomes of the dataset with it.
    ingest, group, split
        The settings of these stages.
    """
    entries = new.entries
    found = f"{len(entries):,} found, {readable_size(sum(one.size for one in entries))}: {_kinds(entries)}"
    yield "images", [found, *new.notes]
    chosen = chosen_entries(plan.entries, ingest)
    counts = class_counts(chosen)
    unlabelled = sum(not one.label for one in chosen)
    shown = [f"{name} {number:,}" for name, number in sorted(counts.items(), key=lambda item: -item[1])]
    joined = " with those that are here" if len(plan.entries) > len(entries) else ""
    classes = f"{len(counts):,}{joined}: {first_few(shown, MOST_CLASSES)}"
    yield "classes", [classes + (f"; {unlabelled:,} unlabelled" if unlabelled else ""), *_small(counts, ingest)]
    yield "parts", [_parts(plan.entries)]
    yield "groups", list(_groups(new, chosen, ingest, group, split))


def laid_out(paragraphs: Iterable[Paragraph]) -> Iterator[str]:
    """The lines of paragraphs: what they are about on the left, wrapped where they go to a terminal."""
    columns = max(60, shutil.get_terminal_size().columns) if sys.stdout.isatty() else None
    for title, lines in paragraphs:
        head = f"{title:<{_TITLE}}"
        for line in "\n".join(lines).splitlines():
            if columns is None or line.startswith(" "):
                yield head + line
            else:
                yield textwrap.fill(
                    line,
                    columns,
                    initial_indent=head,
                    subsequent_indent=" " * _TITLE,
                    break_long_words=False,
                    break_on_hyphens=False,
                )
            head = " " * _TITLE


def _small(counts: Mapping[str, int], params: Ingest) -> list[str]:
    """Classes that a run will refuse, with the lines that let it go on."""
    small = {name: number for name, number in counts.items() if number < params.min_images}
    if not small:
        return []
    named = first_few([f"{name} ({number:,})" for name, number in small.items()], MOST_CLASSES)
    return [
        f"fewer than {params.min_images} images, so that a run will refuse them: {named}. Add more, merge them "
        "(ingest.rename), or take one of:",
        f"  --set ingest.min_images={min(small.values())}",
        f"  {set_names('ingest.drop', [*params.drop, *small])}",
    ]


def _kinds(entries: list[Entry]) -> str:
    """Endings of the names, and the range of the sizes of the first images."""
    endings = Counter(Path(one.path).suffix.lower().removeprefix(".") or "no ending" for one in entries)
    said = ", ".join(f"{number:,} {ending}" for ending, number in endings.most_common(5))
    sizes = [size for one in entries[:: max(1, len(entries) // LOOKED_AT)] if (size := size_in_header(one.source))]
    if not sizes:
        return said
    low, high = min(sizes, key=_area), max(sizes, key=_area)
    return f"{said}; {low[0]} x {low[1]}" + (f" to {high[0]} x {high[1]}" if high != low else "") + " pixels"


def _area(size: tuple[int, int]) -> int:
    return size[0] * size[1]


def _parts(entries: list[Entry]) -> str:
    counts = Counter(one.part for one in entries if one.part)
    if not counts:
        return "none given, so the stage split draws a test part"
    return ", ".join(f"{part} {counts[part]:,}" for part in ("train", "val", "test") if counts[part])


def _groups(new: Found, entries: list[Entry], ingest: Ingest, params: Group, split: Split) -> Iterator[str]:
    images = pd.DataFrame([one.said for one in entries]).assign(group=given_groups(entries, ingest))
    groups = images["group"].where(images["group"] != "")
    if groups.notna().any():
        yield f"{groups.nunique():,}, given for {groups.count():,} images"
        yield from _few_groups(images, groups, split)
        return
    paths = pd.Series([one.path for one in new.entries])
    labels = pd.Series([one.label for one in new.entries])
    by_name = captured(paths, params.name_pattern) if params.name_pattern else None
    if by_name is None:
        yield "none given; near-duplicates are found by themselves, other relatives are not"
    else:
        yield f"{by_name.nunique():,}, told by group.name_pattern for {by_name.count():,} images"
        yield from _few_groups(images, captured(images["path"], params.name_pattern), split)
    found = [*column_hints(new.columns, paths, by_name), *hints(paths, labels, by_name)]
    for one in found[:2]:
        yield told(one)
        yield f"  {one['remedy']}"


def _few_groups(images: pd.DataFrame, groups: pd.Series, split: Split) -> Iterator[str]:
    """Classes with too few groups for every place of a split by class in which no part is given."""
    labelled = images["label"] != ""
    if split.by != "class" or (images["part"] != "").any():
        return
    counts = groups.fillna(images["path"])[labelled].groupby(images["label"]).nunique()
    small = counts[counts < split.folds + 1]
    if len(small):
        named = first_few([f"{name} ({number:,})" for name, number in small.items()], MOST_CLASSES)
        needed = f"{split.folds + 1} groups, one for the test part and one a fold"
        yield f"fewer than {needed}, so that a run will refuse them: {named}"
        if small.min() > 2:
            yield "use fewer folds:"
            yield f"  --set split.folds={small.min() - 1}"
