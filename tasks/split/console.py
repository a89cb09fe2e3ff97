"""What the console shows of a split: its summary in lines for the person at the keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from tasks.params.models import Split
from tasks.split.cost import cost_in_words
from tasks.split.leak_check import Leaks
from tasks.statistics.groups import FEWEST_GROUPS
from tasks.statistics.power import detectable_mean_difference

DISCORDANT = (0.1, 0.3)  # shares of images that similar and dissimilar strategies answer differently
TRIED = 10  # strategies that are judged together: as many as there are by default beside the baseline
SHOWN = 5  # images that are named, of those left out for one cause


def summary_lines(
    summary: dict[str, Any], leaks: Leaks, catalog: pd.DataFrame, frozen: pd.DataFrame, params: Split
) -> Iterator[str]:
    """Lines on what is frozen, what moved, what was left out, and where the classes are.

    Parameters
    ----------
    summary
        What ``summary.json`` holds.
    leaks
        What the leak check found; accepted, if anything.
    catalog, frozen
        Table `CATALOG` and the frozen assignment.
    params
        What stands in `params.yaml`.
    """
    if len(frozen):
        ids = frozen["image_id"].unique()
        gone = int((~pd.Series(ids).isin(catalog["image_id"])).sum())
        if params.frozen:
            yield f"data/frozen.csv keeps {len(ids) - gone:,} images where they were"
        if gone:
            yield f"data/frozen.csv names {gone:,} images that are gone; they are ignored"
    if summary["moved"]:
        yield from _lines_on_moved(summary["moved"])
    related = summary["excluded"]["related"]
    if related:
        of_class = ", ".join(f"{name} {number:,}" for name, number in summary["excluded"]["related_of_class"].items())
        yield f"{len(related):,} new images are excluded, since they would tie both sides together: {of_class}"
        yield from (f"  {image['path']} {image['reason']}" for image in related[:SHOWN])
    aside = summary["excluded"]["aside"]
    if aside:
        cost = cost_in_words(summary["excluded"]["aside_of_class"])
        yield f"{len(aside):,} training images are set aside (split.relatives), relatives of images that stay: {cost}"
        for image in aside[:SHOWN]:
            kinds = ", ".join(image["kinds"])
            yield f"  {image['path']} is a relative ({kinds}) of {image['relative']} ({image['side']})"
    yield from summary["notes"]
    yield from table(summary)
    yield from measurable_lines(summary)
    for side, counts in summary["counts"].items():
        names = [name for name, number in counts.items() if number == 0]
        if names and params.by == "class":  # the other rules say so in their notes
            yield f"{side} has no image of {', '.join(names)}, since its images are the ones that you gave it"
    if leaks.kinds:
        yield f"LEAK, accepted by split.accept ({', '.join(leaks.kinds)}): figures on these images are too good"
        yield from leaks.sentences()


def measurable_lines(summary: dict[str, Any]) -> Iterator[str]:
    """Which classes a verdict can rest on, and what it could find, before anything is trained."""
    groups = summary["groups_of_class"]["train"]
    enough = {name: number for name, number in groups.items() if number >= FEWEST_GROUPS}
    few = ", ".join(f"{name} ({number})" for name, number in groups.items() if name not in enough)
    if len(enough) < 2:
        yield (
            f"no verdict will be possible: two classes or more must have {FEWEST_GROUPS} training images that are no "
            f"relatives of each other, but of these there are few: {few}"
        )
        return
    if few:
        yield (
            f"verdicts will leave out {few}: a class is measurable from {FEWEST_GROUPS} training images on that are "
            "no relatives of each other"
        )
    least, most = (detectable_mean_difference([*enough.values()], share, TRIED) for share in DISCORDANT)
    yield (
        f"differences in balanced accuracy are found from about {least:.3f} on between strategies that answer "
        f"{DISCORDANT[0]:.0%} of the images differently, from {most:.3f} where it is {DISCORDANT[1]:.0%}, of {TRIED} "
        "that are tried (80 % power); images of a group, and fits, count as one here, so smaller ones may be found too"
    )


def _lines_on_moved(moved: dict[str, Any]) -> Iterator[str]:
    yield f"split.frozen is false, so {moved['compared']:,} images of data/frozen.csv were drawn anew"
    for what, change in (("parts", "changed the part (training or test)"), ("folds", "changed the fold")):
        of_class = ", ".join(f"{name} {number:,}" for name, number in moved[what].items())
        yield f"{sum(moved[what].values()):,} {change}" + (f": {of_class}" if of_class else "")


def table(summary: dict[str, Any]) -> list[str]:
    """A table: images by class and side of the first repeat, and the share of the class that is there."""
    sides = [side for side in summary["counts"] if not side.startswith("repeat")]
    rows = [["class", *sides]]
    for name in summary["counts"]["train"]:
        rows.append([name, *(f"{summary['counts'][at][name]:,} {summary['shares'][at][name]:4.0%}" for at in sides)])
    rows.append(["all", *(f"{summary['images'][at]:,}" for at in sides)])
    rows.append(["most frequent class", *(f"{summary['majority_rate'][at]:.1%}" for at in sides)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    ]
