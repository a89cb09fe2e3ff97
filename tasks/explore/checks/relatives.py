"""Relatives: images of the same thing count less than their number, and leak if a split tears them apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.explore.checks import Block, Check, Finding, Grid

if TYPE_CHECKING:
    import pandas as pd

    from tasks.explore.dataset import Dataset

LISTED = 10  # groups in the report, the largest first


class Relatives(Check):
    """Groups of more than one image, and files with the same content."""

    title = "Duplicates and relatives"
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
        files = int(images["paths"].map(len).sum())
        kinds = dataset.pairs["kind"].value_counts().sort_index()
        independent = dataset.labelled.groupby("label")["group"].nunique()
        numbers = {
            "groups": len(sizes),
            "images": len(related),
            "largest": int(sizes.max()) if len(sizes) else 1,
            "mixed_groups": mixed,
            "repeated_files": files - len(images),
            "pairs": {str(kind): int(count) for kind, count in kinds.items()},
            "groups_by_class": {label: int(independent[label]) for label in dataset.classes},
        }
        repeated, groups = numbers["repeated_files"], numbers["groups"]
        text = (
            f"{repeated:,} files repeat the content of another file byte for byte; they count once. "
            if repeated
            else "No file repeats the content of another. "
        )
        text += (
            f"{groups:,} groups of relatives hold {len(related):,} of the {len(images):,} images; "
            f"the largest holds {numbers['largest']:,}."
            if groups
            else "No image has a known relative."
        )
        if len(kinds):
            text += (
                " Pairs, by what relates them: " + ", ".join(f"{kind} {count:,}" for kind, count in kinds.items()) + "."
            )
        grid = _grid(related, sizes) if len(sizes) else None
        return Finding(numbers, [Block("", text, grid=grid)], _sentences(dataset, independent, mixed))


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
    for label in dataset.classes:
        if independent[label] < 0.8 * counts[label]:
            sentences.append(
                f"The {counts[label]:,} images of {label} come from {independent[label]:,} groups of relatives: "
                f"they tell less than their number says."
            )
    if mixed:
        sentences.append(
            f"{mixed:,} groups of relatives hold images of more than one class: where these show the same thing, "
            f"their labels contradict each other."
        )
    return sentences
