"""Leaks: relatives on two sides of the split let a model be tested on what it has seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

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
        }
        if pairs.empty:
            known = f"none of the {len(dataset.pairs):,} known pairs of relatives" if len(dataset.pairs) else "no pair"
            return Finding(
                numbers, [Block("", f"Nothing leaks: {known} lies on two sides of the split.")], [], {"leaks": flags}
            )
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
        return Finding(numbers, [Block("", text, grid=Grid(headers, rows))], watch, {"leaks": flags})


def torn_apart(pairs: pd.DataFrame) -> pd.DataFrame:
    """The pairs that lie on two sides, with a column `between`, "parts" or "folds"; the nearest first."""
    used = pairs[pairs["first_part"].isin(USED_PARTS) & pairs["second_part"].isin(USED_PARTS)]
    parts = used["first_part"] != used["second_part"]
    folds = ~parts & (used["first_part"] == "train") & used["first_fold"].notna() & used["second_fold"].notna()
    folds &= used["first_fold"].ne(used["second_fold"]).fillna(False).astype(bool)
    found = used[parts | folds].assign(between=parts.map({True: "parts", False: "folds"})[parts | folds])
    return found.sort_values(["between", "distance", "first", "second"], ascending=[False, True, True, True])
