"""Small tables for the tests of the split, and what is to be found in its result, counted independently."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from tasks.tables import PAIRS


def tables(
    labels: Sequence[str | None],
    groups: Iterable[object],
    parts: Sequence[str | None] | None = None,
    given: Sequence[str | None] | None = None,
    taken: Sequence[str | None] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Catalog and groups of images numbered in order."""
    ids = [f"{number:06}" for number in range(len(labels))]
    none = [None] * len(labels)
    catalog = pd.DataFrame(
        {
            "image_id": ids,
            "path": [f"{name}.png" for name in ids],
            "label": labels,
            "part": parts or none,
            "group": given or none,
            "taken": taken or none,
        }
    )
    catalog = catalog.astype({"label": "str", "part": "object", "group": "object", "taken": "object"})
    return catalog, pd.DataFrame({"image_id": ids, "group": list(groups)})


def pair_table(pairs: Iterable[tuple[str, str, str]]) -> pd.DataFrame:
    """Table `PAIRS` of (first, second, kind)."""
    rows = [(first, second, kind, 0.0) for first, second, kind in pairs]
    return pd.DataFrame(rows, columns=list(PAIRS.schema.names))


def components(ids: Sequence[str], pairs: Iterable[tuple[str, str, str]]) -> pd.DataFrame:
    """Groups of images that pairs tie together, each named by its smallest id: plain union-find."""
    root = {name: name for name in ids}

    def find(name: str) -> str:
        while root[name] != name:
            name = root[name]
        return name

    for first, second, _ in pairs:
        one, other = sorted((find(first), find(second)))
        root[other] = one
    return pd.DataFrame({"image_id": list(ids), "group": [find(name) for name in ids]})


def sides_of(splits: pd.DataFrame) -> pd.Series:
    """The side of each image: -1 for the test part, else the fold."""
    return splits["fold"].astype("float").mask(splits["part"] == "test", -1)


def long_tail(seed: int, tops: Sequence[int] = (100, 300, 1000)) -> tuple[list[str], list[str], int]:
    """Labels and groups of a long tail from 1000 (or fewer) to 10 images in groups of 1 to 8, and a number of folds.

    In some sets part of the groups hold several classes.
    """
    generator = np.random.default_rng(seed)
    classes, top, low = int(generator.integers(2, 11)), int(generator.choice(tops)), 10
    labels = np.repeat(np.arange(classes), np.geomspace(top, low, classes).astype(int))
    order = np.arange(len(labels))
    mixed = np.flatnonzero(generator.random(len(labels)) < generator.choice([0, 0, 0.1, 0.5]))
    order[mixed] = generator.permutation(order[mixed])
    largest = int(generator.choice([1, 3, 8]))
    sizes = generator.integers(1, largest + 1, len(labels))
    groups = np.empty(len(labels), dtype=int)
    groups[order] = np.repeat(np.arange(len(sizes)), sizes)[: len(labels)]
    folds = int(generator.integers(2, 7))
    return [f"c{label:02}" for label in labels], [f"g{group:05}" for group in groups], folds


def rich_enough(labels: Sequence[str], groups: Sequence[str], places: int) -> np.ndarray:
    """Which images are of a class with a group for every place, counted until dropping the others changes nothing."""
    frame = pd.DataFrame({"label": labels, "group": groups})
    counts = frame.groupby("label")["group"].nunique()
    return frame["label"].isin(counts.index[counts >= places]).to_numpy()


def freeze(splits: pd.DataFrame) -> pd.DataFrame:
    """The frozen assignment of a split."""
    kept = splits[splits["part"] != "excluded"]
    return kept[["image_id", "part", "repeat", "fold"]].reset_index(drop=True)
