"""Pairs of relatives together with what is known of both images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.explore.checks import Shown

if TYPE_CHECKING:
    import pandas as pd

    from tasks.explore.dataset import Dataset

FACTS = ["path", "label", "part", "fold", "group"]
CONTENT, NEAR = "content", "near"
ROWS = 8  # pairs that a section shows as thumbnails
LISTED = 20  # and in its table


def pairs_with_facts(dataset: Dataset) -> pd.DataFrame:
    """The table of pairs, with what is known of both images as ``first_path``, ``second_path`` ..."""
    pairs = dataset.pairs
    for side in ("first", "second"):
        facts = dataset.images[["image_id", *FACTS]].rename(columns={name: f"{side}_{name}" for name in FACTS})
        pairs = pairs.merge(facts, left_on=side, right_on="image_id", validate="m:1").drop(columns="image_id")
    return pairs


def sets_of(pairs: pd.DataFrame) -> dict[str, list[str]]:
    """The connected components of some pairs: each image's set, named by its smallest image, in ascending order."""
    from tasks.connected import connected_components

    if pairs.empty:
        return {}
    ends = pairs[["first", "second"]].to_numpy(dtype=str)
    ids, places = np.unique(ends, return_inverse=True)
    first, second = places.reshape(ends.shape).T
    component = connected_components(len(ids), first, second)
    sets: dict[int, list[str]] = {}
    for name, one in zip(ids.tolist(), component.tolist(), strict=True):
        sets.setdefault(one, []).append(name)
    return {members[0]: members for members in sets.values()}


def in_training(pairs: pd.DataFrame) -> pd.DataFrame:
    """The pairs of which the report may show both images: those of the test part stay unseen."""
    return pairs[(pairs["first_part"] == "train") & (pairs["second_part"] == "train")]


def thumbnails(pairs: pd.DataFrame) -> list[list[Shown]]:
    """The first `ROWS` of some pairs of training images, side by side, with label, kind and distance."""
    return [
        [
            Shown(row["first_path"], named(row["first_label"])),
            Shown(row["second_path"], f"{named(row['second_label'])} · {row['kind']}, {row['distance']:.3f}"),
        ]
        for row in in_training(pairs).head(ROWS).to_dict("records")
    ]


def named(label: Any) -> str:
    """A label, or that there is none."""
    return label if isinstance(label, str) else "no label"


def side(part: Any, fold: Any) -> str:
    """On which side of the split an image lies: its part, for training images with the fold."""
    return f"{part}, fold {int(fold)}" if part == "train" and fold == fold else str(part)


def similarity_to_nearest(pairs: pd.DataFrame) -> dict[str, float]:
    """How alike each image is to the nearest of those that it is paired with: 1 minus the distance."""
    found: dict[str, float] = {}
    for row in pairs.to_dict("records"):
        for end in ("first", "second"):
            found[row[end]] = max(1 - row["distance"], found.get(row[end], -np.inf))
    return found
