"""What a split came to, in numbers: images, shares and groups a class and side, what moved, what was left out."""

from __future__ import annotations

from typing import Any

import pandas as pd

from tasks.split.assignment import Assignment
from tasks.split.cost import cost_of_class
from tasks.tables import USED_PARTS, first_repeat


def summarise(assignment: Assignment) -> dict[str, Any]:
    """Counts a class of each part and fold, and the accuracy of always naming a part's most frequent class.

    Sides are ``train``, ``test``, ``fold 0`` and so on, and for further repeats
    ``repeat 1 fold 0``.
    """
    splits, excluded, aside = assignment.splits, assignment.excluded, assignment.aside
    used = splits[splits["part"].isin(USED_PARTS)]
    classes = sorted(used["label"].unique())
    sides = _sides(used)
    counts = {side: rows["label"].value_counts() for side, rows in sides.items()}
    groups = {side: rows.groupby("label")["group"].nunique() for side, rows in sides.items()}
    first = first_repeat(splits)
    totals = first_repeat(used)["label"].value_counts()
    return {
        "counts": {side: {name: int(n.get(name, 0)) for name in classes} for side, n in counts.items()},
        "shares": {
            side: {name: round(float(n.get(name, 0) / totals[name]), 6) for name in classes}
            for side, n in counts.items()
        },
        "images": {side: int(n.sum()) for side, n in counts.items()},
        "groups": {side: int(rows["group"].nunique()) for side, rows in sides.items()},
        "groups_of_class": {side: {name: int(n.get(name, 0)) for name in classes} for side, n in groups.items()},
        "majority_rate": {side: round(float(n.max() / n.sum()), 6) for side, n in counts.items() if len(n)},
        "excluded": {
            "images": int((first["part"] == "excluded").sum()),
            "unlabelled": int(first["label"].isna().sum()),
            "related": excluded.to_dict("records"),
            "related_of_class": {name: int(n) for name, n in excluded["label"].value_counts().sort_index().items()},
            "aside": aside.to_dict("records"),
            "aside_of_class": cost_of_class(aside, counts["train"].to_dict()),
        },
        "notes": assignment.notes,
    }


def _sides(used: pd.DataFrame) -> dict[str, pd.DataFrame]:
    first = first_repeat(used)
    sides = {part: first[first["part"] == part] for part in USED_PARTS}
    for (repeat, fold), rows in used[used["fold"].notna()].groupby(["repeat", "fold"]):
        sides[f"repeat {repeat} fold {fold}" if repeat else f"fold {fold}"] = rows
    return sides


def moved(splits: pd.DataFrame, frozen: pd.DataFrame) -> dict[str, Any]:
    """Images that a split puts elsewhere than the frozen assignment does, in the first repeat, a class.

    Returns
    -------
    dict
        `compared` (images that both know), `parts` and `folds`: by class, how many changed the part, and how many
        stayed in training but changed the fold.
    """
    used = first_repeat(splits[splits["part"].isin(USED_PARTS)])
    both = used.merge(frozen, on=["image_id", "repeat"], suffixes=("", "_before"))
    other_part = both["part"] != both["part_before"]
    other_fold = ~other_part & (both["fold"] != both["fold_before"]).fillna(False).astype(bool)
    return {
        "compared": len(both),
        "parts": _count(both.loc[other_part, "label"]),
        "folds": _count(both.loc[other_fold, "label"]),
    }


def _count(labels: pd.Series) -> dict[str, int]:
    return {name: int(number) for name, number in labels.value_counts().sort_index().items()}
