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
from flows.dataset.foresight import refusal
from tasks.disk import readable_size
from tasks.group.name_series import column_hints, hints, told
from tasks.group.relations import captured
from tasks.images import size_in_header
from tasks.ingest.checks import options_for_small
from tasks.ingest.wording import first_few
from tasks.params.models import Group, Ingest, Split

LONGEST_NAME = 60  # letters of a class that are shown
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
    unlabelled = [one.path for one in chosen if not one.label]
    shown = [f"{_shortened(name)} {number:,}" for name, number in sorted(counts.items(), key=lambda item: -item[1])]
    joined = " with those that are here" if len(plan.entries) > len(entries) else ""
    classes = f"{len(counts):,}{joined}: {first_few(shown, MOST_CLASSES)}"
    if unlabelled:
        classes += f"; {len(unlabelled):,} unlabelled, in no class: {first_few(unlabelled)}"
    yield "classes", [classes, *_small(counts, ingest)]
    yield "parts", [_parts(plan.entries, split)]
    known = _known_groups(chosen, ingest, group)
    yield "groups", list(_groups(new, known, group))
    if refused := refusal(known, split):
        yield "split", [f"a run will refuse this as it is: {refused}"]


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
    named = first_few([f"{_shortened(name)} ({number:,})" for name, number in small.items()], MOST_CLASSES)
    return [
        f"fewer than {params.min_images} images, so that a run will refuse them: {named}. Add more, merge them "
        "(ingest.rename), leave them out (ingest.drop), or take one of:",
        *(f"  {option}" for option in options_for_small(small, params.drop, len(counts))),
    ]


def _shortened(name: str) -> str:
    """A name of a class with its middle left out, if it is very long."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME // 2]}...{name[-LONGEST_NAME // 2 :]}"


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


def _parts(entries: list[Entry], split: Split) -> str:
    counts = Counter(one.part for one in entries if one.part)
    if not counts:
        return "none given, so the stage split draws a test part"
    said = ", ".join(f"{part} {counts[part]:,}" for part in ("train", "val", "test") if counts[part])
    if split.test_from == "val":
        return f"{said}; val is the held-out test part (split.test_from)"
    if split.test_from == "train":
        return f"{said}; a test part is drawn from train (split.test_from)"
    return said


def _known_groups(entries: list[Entry], ingest: Ingest, params: Group) -> pd.DataFrame:
    """Images with what the user says of them and the group that names or tables give them: `path`, `label`, ..."""
    images = pd.DataFrame([one.said for one in entries]).assign(given=given_groups(entries, ingest))
    images = images.where(images != "", None)
    by_name = captured(images["path"], params.name_pattern) if params.name_pattern else None
    return images.assign(group=images["given"] if by_name is None else images["given"].fillna(by_name))


def _groups(new: Found, known: pd.DataFrame, params: Group) -> Iterator[str]:
    given = known["given"].dropna()
    if len(given):
        yield f"{given.nunique():,}, given for {len(given):,} images"
        return
    paths = pd.Series([one.path for one in new.entries])
    labels = pd.Series([one.label for one in new.entries])
    parts = pd.Series([one.part for one in new.entries])
    by_name = captured(paths, params.name_pattern) if params.name_pattern else None
    if by_name is None:
        yield "none given; near-duplicates are found by themselves, other relatives are not"
    else:
        yield f"{by_name.nunique():,}, told by group.name_pattern for {by_name.count():,} images"
    found = [*column_hints(new.columns, paths, by_name), *hints(paths, labels, by_name, parts)]
    for one in found[:2]:
        yield told(one)
        yield f"  {one['remedy']}"
