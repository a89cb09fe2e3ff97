"""Relatives: images of the same thing count less than their number, and leak if a split tears them apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from tasks.explore.checks import Block, Check, Finding, Grid
from tasks.explore.related_pairs import LISTED as PAIRS_LISTED
from tasks.explore.related_pairs import in_training, pairs_with_facts, thumbnails

if TYPE_CHECKING:
    import pandas as pd

    from tasks.explore.dataset import Dataset

LISTED = 10  # groups in the report, the largest first
NAMED = 6  # classes in a sentence


class Relatives(Check):
    """Groups of more than one image, and the pairs that made them."""

    name: Literal["relatives"] = "relatives"
    title = "Relatives"
    question = "Which images are related, and how much does each class lose if relatives count once?"
    order = 30

    def summarise(self, dataset: Dataset) -> Finding:
        """Number and size of the groups, what made them, and groups that hold several classes."""
        images = dataset.images
        sizes = images["group"].value_counts()
        sizes = sizes[sizes > 1]
        related = images[images["group"].isin(sizes.index)]
        classes_of = related.groupby("group")["label"].nunique()
        mixed = int((classes_of > 1).sum())
        kinds = dataset.pairs["kind"].value_counts().sort_index()
        independent = dataset.labelled.groupby("label")["group"].nunique()
        by_size = sizes.value_counts().sort_index()
        widest = widest_pairs(pairs_with_facts(dataset))
        numbers = {
            "groups": len(sizes),
            "images": len(related),
            "largest": int(sizes.max()) if len(sizes) else 1,
            "groups_by_size": {str(size): int(count) for size, count in by_size.items()},
            "mixed_groups": mixed,
            "pairs": {str(kind): int(count) for kind, count in kinds.items()},
            "widest": [
                {"group": row["first_group"], "kind": row["kind"], "distance": row["distance"]}
                | {"paths": [row["first_path"], row["second_path"]]}
                for row in widest.head(LISTED).to_dict("records")
            ],
            "groups_by_class": {label: int(independent[label]) for label in dataset.classes},
            "of_the_stage_group": dataset.group_summary,
        }
        text = (
            f"{numbers['groups']:,} groups of relatives hold {len(related):,} of the {len(images):,} images; "
            f"the largest holds {numbers['largest']:,}."
            if len(sizes)
            else "No image has a known relative."
        )
        if len(kinds):
            text += (
                " Pairs, by what relates them: " + ", ".join(f"{kind} {count:,}" for kind, count in kinds.items()) + "."
            )
        blocks = [Block("", text, grid=_grid(related, sizes) if len(sizes) else None)]
        if len(widest):
            blocks.append(_widest_block(widest))
        blocks += summary_blocks(dataset.group_summary)
        return Finding(numbers, blocks, _sentences(dataset, independent, mixed))


def widest_pairs(pairs: pd.DataFrame) -> pd.DataFrame:
    """The widest pair of each group that images tie together, the widest group first.

    Given groups and names have no distance, so they have no widest pair.
    """
    measured = pairs[pairs["kind"].isin(["content", "near"]) & (pairs["distance"] > 0)]
    order = measured.sort_values(["distance", "first", "second"], ascending=[False, True, True])
    return order.drop_duplicates("first_group", ignore_index=True)


def _widest_block(widest: pd.DataFrame) -> Block:

    rows = [
        [row["first_path"], row["second_path"], row["kind"], f"{row['distance']:.3f}"]
        for row in in_training(widest).head(PAIRS_LISTED).to_dict("records")
    ]
    hidden = len(widest) - len(in_training(widest))
    text = (
        "The widest pair of each group, the widest group first: if these are relatives, so are all others. The "
        "distance is one minus the likeness that confirmed the pair."
    )
    if hidden:
        text += f" {hidden:,} groups whose widest pair is not in training are not shown."
    return Block("Widest pairs", text, None, Grid(["first", "second", "kind", "distance"], rows), thumbnails(widest))


def summary_blocks(summary: dict[str, Any]) -> list[Block]:
    """What the stage group says of its own work: its threshold, refused groups, hints in the names of files.

    Parameters
    ----------
    summary
        ``summary.json`` of the stage; what it doesn't hold (near-duplicates were not looked for) is left out.
    """
    blocks = []
    if "threshold" in summary:
        low, middle, high = (summary["threshold"][name] for name in ("p5", "p50", "p95"))
        text = (
            f"Of {summary['candidates']:,} pairs looked at closely, {summary['confirmed']:,} are near-duplicates: more "
            f"alike than an image is to surely unrelated ones of its class. That takes a likeness of {middle:.2f} for "
            f"half of the images, {low:.2f} to {high:.2f} for nine in ten; where all look alike, only copies stand out."
        )
        blocks.append(Block("Near-duplicates", text))
    refused = summary.get("refused") or []
    if refused:
        text = (
            "These groups of look-alikes are larger than group.max_size, so they were not merged: relatives among them "
            "may lie on two sides of the split. Raise group.max_size if they show the same thing."
        )
        rows = [[f"{one.get('size', 0):,}", ", ".join(map(str, one.get("images", [])[:3]))] for one in refused[:LISTED]]
        blocks.append(Block("Refused groups", text, None, Grid(["images", "first files"], rows, frozenset({1}))))
    hints = summary.get("hints") or []
    if hints:
        text = (
            "Folders, names of files or columns look like series. If one of these tells what belongs together, set "
            "group.name_pattern, or ingest.group_column for a column: a split that ignores it puts relatives of the "
            "given share of test images in training."
        )
        rows = [
            [
                str(one.get("pattern") or one.get("column", "")),
                f"{one.get('groups', 0):,}",
                f"{one.get('images', 0):,}",
                f"{one['leak']:.0%}" if "leak" in one else "",
                str(one.get("example", "")),
            ]
            for one in hints[:LISTED]
        ]
        headers = ["pattern or column", "groups", "images", "would leak", "example"]
        blocks.append(Block("Series in folders, names and columns", text, None, Grid(headers, rows, frozenset({0, 4}))))
    return blocks


def _grid(related: pd.DataFrame, sizes: pd.Series) -> Grid:
    """The largest groups, with the classes and parts of their images."""
    rows = []
    for group in sorted(sizes.index, key=lambda name: (-sizes[name], name))[:LISTED]:
        members = related[related["group"] == group]
        counts = members["label"].fillna("no label").value_counts().sort_index()
        classes = ", ".join(f"{label}: {count:,}" for label, count in counts.items())
        parts = ", ".join(sorted(members["part"].unique()))
        rows.append([str(group), f"{len(members):,}", classes, parts, ", ".join(members["path"].head(3))])
    return Grid(["group (the largest)", "images", "classes", "part", "first files"], rows, frozenset({2, 3, 4}))


def _sentences(dataset: Dataset, independent: pd.Series, mixed: int) -> list[str]:
    sentences = []
    counts = dataset.labelled["label"].value_counts()
    fewer = [label for label in dataset.classes if independent[label] < 0.8 * counts[label]]
    if fewer:
        told = ", ".join(
            f"the {counts[label]:,} images of {label} come from {independent[label]:,} groups"
            for label in fewer[:NAMED]
        )
        more = f", and so for {len(fewer) - NAMED:,} more classes" if len(fewer) > NAMED else ""
        sentences.append(f"T{told[1:]}{more}: relatives tell less than their number says.")
    if mixed:
        sentences.append(
            f"{mixed:,} groups of relatives hold images of more than one class: no fault where they share an origin, "
            f"such as one module or patient, but a contradiction where they show the same thing."
        )
    return sentences
