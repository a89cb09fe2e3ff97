"""The difference between two versions as one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from flows.releases.difference import Difference
from tasks.page import render
from tasks.tables import ORIGINS

SHOWN = 500  # rows of a list


def difference_page(found: Difference) -> str:
    """The page: counts side by side first, then lists, each with its first `SHOWN` rows."""
    lists = [
        ("Images added", found.added, {"path": "path", "label": "class", "image_id": "image"}),
        ("Images removed", found.removed, {"path": "path", "label": "class", "image_id": "image"}),
        (
            "Other content at the same path",
            found.replaced,
            {"path": "path", "label": "class", "first": "image before", "second": "image now"},
        ),
        ("Relabelled", found.relabelled, {"path": "path", "image_id": "image", "first": "before", "second": "now"}),
        ("Renamed", found.renamed, {"image_id": "image", "first": "before", "second": "now"}),
        (
            "Moved in the split",
            found.moved,
            {"path": "path", "label": "class", "first": "before", "second": "now"},
        ),
    ]
    for recipe in found.recipes:
        columns = {"row_id": "image", "label": "class", "origin": "origin"}
        lists.append((f"New images made by {recipe.title}", recipe.made, columns))
        lists.append((f"New images dropped from {recipe.title}", recipe.dropped, columns))
        lists.append((f"New images of {recipe.title} with other content", recipe.remade, columns))
        lists.append((f"Originals and copies only now in {recipe.title}", recipe.entered, columns))
        lists.append((f"Originals and copies no more in {recipe.title}", recipe.left, columns))
    return render(
        Path(__file__).with_name("difference.html"),
        found=found,
        shown=SHOWN,
        origins=ORIGINS,
        training=found.training.to_dict("records"),
        recipes=[
            (recipe.title, _bars(recipe.counts))
            for recipe in found.recipes
            if len(recipe.counts) and (any(recipe.numbers) or len(found.recipes) == 1)
        ],
        lists=[
            (title, len(frame), list(columns.values()), _rows(frame, columns))
            for title, frame, columns in lists
            if len(frame)
        ],
    )


def _rows(frame: pd.DataFrame, columns: dict[str, str]) -> list[list[str]]:
    first = frame[list(columns)].head(SHOWN)
    return [["" if pd.isna(value) else str(value) for value in row] for row in first.itertuples(index=False)]


def _bars(counts: pd.DataFrame) -> list[dict[str, Any]]:
    """For each class the total and the origins of both sides, as shares of the longest bar."""
    totals = counts.groupby("label", sort=True)[["first", "second"]].sum()
    longest = max(int(totals.to_numpy().max()), 1)
    rows = []
    for label, total in totals.iterrows():
        own = counts[counts["label"] == label]
        rows.append(
            {
                "label": label,
                "first": int(total["first"]),
                "second": int(total["second"]),
                "bars": [
                    [
                        (origin, int(number), round(100 * int(number) / longest, 2))
                        for origin, number in zip(own["origin"], own[side], strict=True)
                        if number
                    ]
                    for side in ("first", "second")
                ],
            }
        )
    return rows
