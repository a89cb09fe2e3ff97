"""Leaks: relatives on two sides of the split let a model be tested on what it has seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from tasks.explore.checks import Block, Check, Finding, Grid
from tasks.explore.related_pairs import LISTED, named, pairs_with_facts, side, similarity_to_nearest
from tasks.tables import USED_PARTS

if TYPE_CHECKING:
    import pandas as pd

    from tasks.explore.dataset import Dataset


class Leaks(Check):
    """Pairs of relatives whose images lie in different parts or folds."""

    name: Literal["leaks"] = "leaks"
    title = "Leaks"
    question = "Do relatives lie on two sides of the split?"
    order = 36

    def summarise(self, dataset: Dataset) -> Finding:
        """Counts by what is torn apart, kind of relation and class, found from the pairs alone."""
        pairs = torn_apart(pairs_with_facts(dataset))
        flags = similarity_to_nearest(pairs)
        test = dataset.labelled[dataset.labelled["part"] == "test"]
        across = set(pairs.loc[pairs["between"] == "parts", ["first", "second"]].to_numpy().ravel())
        by_class = test[test["image_id"].isin(across)]["label"].value_counts()
        numbers = {
            "pairs": {
                between: {str(kind): int(n) for kind, n in rows["kind"].value_counts().sort_index().items()}
                for between, rows in pairs.groupby("between")
            },
            "images": len(flags),
            "test_images": {label: int(by_class[label]) for label in dataset.classes if label in by_class},
            "set_aside": dataset.split_summary.get("excluded", {}).get("aside_of_class", {}),
        }
        aside, told = set_aside(dataset.split_summary)
        if pairs.empty:
            known = f"none of the {len(dataset.pairs):,} known pairs of relatives" if len(dataset.pairs) else "no pair"
            text = f"Nothing leaks: {known} lies on two sides of the split."
            return Finding(numbers, [Block("", text), *aside], told, {"leaks": flags})
        between_parts = int((pairs["between"] == "parts").sum())
        in_folds = len(pairs) - between_parts
        text = f"{between_parts:,} pairs of relatives lie in two parts, {in_folds:,} in two folds."
        if len(by_class):
            shares = ", ".join(
                f"{label} {by_class[label]:,} of {(test['label'] == label).sum():,}"
                for label in dataset.classes
                if label in by_class
            )
            text += f" Test images with a relative in training: {shares}."
        rows = [
            [
                row["first_path"],
                side(row["first_part"], row["first_fold"]),
                named(row["first_label"]),
                row["second_path"],
                side(row["second_part"], row["second_fold"]),
                named(row["second_label"]),
                row["kind"],
                f"{row['distance']:.3f}",
            ]
            for row in pairs.head(LISTED).to_dict("records")
        ]
        headers = ["first", "side", "label", "second", "side", "label", "kind", "distance"]
        watch = [f"{text} Results on them are better than on new images: make the split again, or remove one of each."]
        return Finding(numbers, [Block("", text, grid=Grid(headers, rows)), *aside], watch + told, {"leaks": flags})


def set_aside(summary: dict[str, Any]) -> tuple[list[Block], list[str]]:
    """What `split.relatives` set aside and what that cost each class: a table of classes, one of images, a sentence.

    Parameters
    ----------
    summary
        ``summary.json`` of the stage split.
    """
    excluded = summary.get("excluded", {})
    images, cost = excluded.get("aside", []), excluded.get("aside_of_class", {})
    if not images:
        return [], []
    by_share = sorted(cost, key=lambda label: (-cost[label]["share"], label))
    kinds = sorted({kind for own in cost.values() for kind in own["kinds"]})
    lost = [
        [label, f"{own['images']:,}", f"{own['of']:,}", f"{own['share']:.1%}"]
        + [f"{own['kinds'].get(kind, 0):,}" for kind in kinds]
        for label, own in ((label, cost[label]) for label in by_share)
    ]
    listed = [
        [one["path"], one["label"], ", ".join(one["kinds"]), one["relative"], one["side"]] for one in images[:LISTED]
    ]
    text = (
        f"{len(images):,} training images are relatives of images that were given or frozen on another side, and were "
        "set aside (split.relatives: exclude): they train no model. One with relatives of two kinds counts in both."
    )
    headers = ["image", "label", "kinds", "relative that stays", "side"]
    blocks = [
        Block("Set aside", text, grid=Grid(["class", "set aside", "of training images", "share", *kinds], lost)),
        Block("", "", grid=Grid(headers, listed, frozenset(range(5)))),
    ]
    worst = by_share[0]
    return blocks, [
        f"{len(images):,} training images were set aside as relatives of images on another side; {worst} lost most, "
        f"{cost[worst]['images']:,} of {cost[worst]['of']:,} ({cost[worst]['share']:.0%})."
    ]


def torn_apart(pairs: pd.DataFrame) -> pd.DataFrame:
    """The pairs that lie on two sides, with a column `between`, "parts" or "folds"; the nearest first."""
    used = pairs[pairs["first_part"].isin(USED_PARTS) & pairs["second_part"].isin(USED_PARTS)]
    parts = used["first_part"] != used["second_part"]
    folds = ~parts & (used["first_part"] == "train") & used["first_fold"].notna() & used["second_fold"].notna()
    folds &= used["first_fold"].ne(used["second_fold"]).fillna(False).astype(bool)
    found = used[parts | folds].assign(between=parts.map({True: "parts", False: "folds"})[parts | folds])
    return found.sort_values(["between", "distance", "first", "second"], ascending=[False, True, True, True])
