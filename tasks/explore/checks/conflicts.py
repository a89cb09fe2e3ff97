"""Conflicts: the same image under two labels teaches nothing, and one of the two labels is wrong."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from tasks.explore.checks import Block, Check, Finding, Grid
from tasks.explore.related_pairs import (
    CONTENT,
    LISTED,
    NEAR,
    named,
    pairs_with_facts,
    sets_of,
    similarity_to_nearest,
    thumbnails,
)
from tasks.ingest.reasons import CONFLICTING

if TYPE_CHECKING:
    import pandas as pd

    from tasks.explore.dataset import Dataset


class Conflicts(Check):
    """Copies and near-duplicates that are labelled differently."""

    name: Literal["conflicts"] = "conflicts"
    title = "Conflicting labels"
    question = "Which images stand under two labels?"
    order = 34

    def summarise(self, dataset: Dataset) -> Finding:
        """Pairs of related images with different labels, and files set aside for that reason."""
        pairs = conflicting(pairs_with_facts(dataset))
        aside = dataset.rejected[dataset.rejected["reason"] == CONFLICTING["label"]].sort_values("path")
        flags = similarity_to_nearest(pairs)
        numbers = {
            "files_set_aside": len(aside),
            "pairs": len(pairs),
            "images": len(flags),
            "pairs_by_kind": {str(kind): int(n) for kind, n in pairs["kind"].value_counts().sort_index().items()},
        }
        if aside.empty and pairs.empty:
            return Finding(
                numbers,
                [Block("", "No image and no near-duplicate stands under two labels.")],
                [],
                {"conflicts": flags},
            )
        blocks = []
        if len(aside):
            text = f"{len(aside):,} files were set aside, because their content stands under another label as well."
            rows = [[row["path"], row["detail"]] for row in aside.head(LISTED).to_dict("records")]
            blocks.append(Block("The same file", text, grid=Grid(["file", "why"], rows, frozenset({0, 1}))))
        if len(pairs):
            text = f"{len(pairs):,} pairs of copies or near-duplicates are labelled differently, the nearest first."
            rows = [
                [
                    row["first_path"],
                    named(row["first_label"]),
                    row["second_path"],
                    named(row["second_label"]),
                    row["kind"],
                    f"{row['distance']:.3f}",
                ]
                for row in pairs.head(LISTED).to_dict("records")
            ]
            grid = Grid(["first", "label", "second", "label", "kind", "distance"], rows, frozenset({1, 2, 3, 4}))
            blocks.append(Block("Copies and near-duplicates", text, grid=grid, images=thumbnails(pairs)))
        watch = [
            f"{len(aside) + len(flags):,} images have a copy or near-duplicate under another label: unless what makes "
            f"the class is small in the picture, one of the two labels is wrong, and teaching both teaches neither."
        ]
        return Finding(numbers, blocks, watch, {"conflicts": flags})


def conflicting(pairs: pd.DataFrame) -> pd.DataFrame:
    """The pairs of copies and near-duplicates whose labels differ, the nearest first.

    Copies come in chains, so an unlabelled one may stand between two with labels: these two are compared directly.
    """
    import pandas as pd

    both = pairs["first_label"].notna() & pairs["second_label"].notna()
    unlike = both & (pairs["first_label"] != pairs["second_label"])
    direct = pairs[unlike & pairs["kind"].isin([CONTENT, NEAR])]
    content = pairs[pairs["kind"] == CONTENT]
    facts = {
        row[side]: {name: row[f"{side}_{name}"] for name in ("path", "label", "part", "fold", "group")}
        for row in content.to_dict("records")
        for side in ("first", "second")
    }
    bridged = []
    for members in sets_of(content[~both.loc[content.index]]).values():
        labelled = [name for name in members if isinstance(facts[name]["label"], str)]
        for first, second in pairwise(labelled):
            if facts[first]["label"] != facts[second]["label"]:
                row = {"first": first, "second": second, "kind": CONTENT, "distance": 0.0}
                row |= {f"first_{name}": value for name, value in facts[first].items()}
                bridged.append(row | {f"second_{name}": value for name, value in facts[second].items()})
    found = pd.concat([direct, pd.DataFrame(bridged, columns=pairs.columns)]) if bridged else direct
    return found.sort_values(["distance", "first", "second"], ignore_index=True)
