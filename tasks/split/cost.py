"""What it cost each class that relatives were set aside: images, their share of its training images, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pandas as pd


def cost_of_class(aside: pd.DataFrame, training: Mapping[str, int]) -> dict[str, dict[str, Any]]:
    """For each class that lost images: `images`, `of` (with them, its training images), `share` and `kinds`.

    Parameters
    ----------
    aside
        The images that were set aside: `label`, `kinds`. One that has relatives of two kinds counts for both.
    training
        Images a class that are left for training.
    """
    cost = {}
    for label, rows in aside.groupby("label"):
        number = len(rows)
        total = number + training.get(str(label), 0)
        kinds = Counter(kind for own in rows["kinds"] for kind in own)
        cost[str(label)] = {
            "images": number,
            "of": total,
            "share": round(number / total, 6),
            "kinds": dict(sorted(kinds.items())),
        }
    return cost


def cost_in_words(cost: Mapping[str, Mapping[str, Any]]) -> str:
    """``scratch 12 of 40 (30%; near 12), dent ...``, the class that lost most of its images first."""
    rows = sorted(cost.items(), key=lambda item: (-item[1]["share"], item[0]))
    return ", ".join(
        f"{label} {own['images']:,} of {own['of']:,} ({own['share']:.0%}; "
        + ", ".join(f"{kind} {number:,}" for kind, number in own["kinds"].items())
        + ")"
        for label, own in rows
    )
