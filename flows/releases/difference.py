"""How two versions of a dataset differ: images, places in the split, parameters, balanced sets. Only tables here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from flows.releases.snapshots import Snapshot
from tasks.tables import ORIGINS

# The sections of params.yaml that decide a balanced set, beside the recipe itself, in any version's layout.
SECTIONS = ("ingest", "embed", "backbones", "group", "split", "synthesize", "generators", "balance")
KEPT = ("original", "copy")  # rows that are no new images: they follow from the images and the recipe
COLUMNS = ["row_id", "label", "origin", "content"]
ORDER = ["label", "row_id"]


@dataclass(frozen=True)
class RecipeDifference:
    """How two balanced sets differ.

    Attributes
    ----------
    first, second
        The recipes compared.
    counts
        One row a class and origin: `label`, `origin`, `first`, `second` (rows of the training set).
    made, dropped
        New images that only the second, and only the first, has: `row_id`, `label`, `origin`.
    remade
        New images that both have, with other content: `row_id`, `label`, `origin`.
    entered, left
        Originals and exact copies that only the second, and only the first, has: `row_id`, `label`, `origin`.
    """

    first: str
    second: str
    counts: pd.DataFrame
    made: pd.DataFrame
    dropped: pd.DataFrame
    remade: pd.DataFrame
    entered: pd.DataFrame
    left: pd.DataFrame

    @property
    def title(self) -> str:
        """The recipe, or both."""
        return self.first if self.first == self.second else f"{self.first} → {self.second}"

    @property
    def numbers(self) -> tuple[int, int, int, int, int]:
        """Rows made, dropped, remade, entered and left; all 0 where the sets are the same."""
        return (len(self.made), len(self.dropped), len(self.remade), len(self.entered), len(self.left))


@dataclass(frozen=True)
class Difference:
    """How two versions differ.

    Attributes
    ----------
    first, second
        What people call them.
    added, removed
        Images that only the second, and only the first, has: `image_id`, `path`, `label`.
    replaced
        Paths whose image has other content: `path`, `first`, `second` (image ids), `label`.
    renamed
        Images at another path, that are no more at the old one: `image_id`, `first`, `second`.
    relabelled
        Images of another class: `image_id`, `path`, `first`, `second`.
    moved
        Images that the split has elsewhere: `image_id`, `path`, `label`, `first`, `second`, such as ``train, fold 2``.
    parameters
        `key`, and its value in the first and the second version; None where it is absent.
    training
        Training images a class as they came: `label`, `first`, `second`.
    recipes
        The balanced sets.
    lacks
        Sentences on what a version has not.
    """

    first: str
    second: str
    added: pd.DataFrame
    removed: pd.DataFrame
    replaced: pd.DataFrame
    renamed: pd.DataFrame
    relabelled: pd.DataFrame
    moved: pd.DataFrame
    parameters: list[tuple[str, Any, Any]]
    training: pd.DataFrame
    recipes: list[RecipeDifference]
    lacks: list[str]

    @property
    def moves(self) -> dict[str, int]:
        """Images a kind of move between parts, such as ``train → test``, or ``between folds`` of training."""
        kinds = Counter[str]()
        for first, second in zip(self.moved["first"], self.moved["second"], strict=True):
            before, now = first.split(",")[0], second.split(",")[0]
            kinds[f"{before} → {now}" if before != now else "between folds"] += 1
        return dict(sorted(kinds.items()))


def compare(first: Snapshot, second: Snapshot, pairs: Iterable[tuple[str, str]]) -> Difference:
    """Compare two versions; `pairs` names the recipes whose balanced sets are compared, one of each version."""
    both = first.images.merge(second.images, on="image_id", suffixes=("_first", "_second"))
    only_first = _lacking(first.images, second.images, "image_id").drop(columns="paths")
    only_second = _lacking(second.images, first.images, "image_id").drop(columns="paths")
    replaced = only_first.merge(only_second, on="path", suffixes=("_first", "_second"))
    paths = {**_paths(first), **_paths(second)}
    pairs = list(pairs)
    return Difference(
        first=first.name,
        second=second.name,
        added=_lacking(only_second, replaced, "path").sort_values("path", ignore_index=True),
        removed=_lacking(only_first, replaced, "path").sort_values("path", ignore_index=True),
        replaced=_changed(replaced, "image_id", keep={"path": "path", "label": "label_second"}),
        renamed=_changed(both[_has_left(both)], "path", keep={"image_id": "image_id"}),
        relabelled=_changed(both, "label", keep={"image_id": "image_id", "path": "path_second"}),
        moved=_moved(first.places, second.places, paths),
        parameters=_parameters(first.params, second.params, pairs),
        training=_side_by_side(_training(first), _training(second), ["label"]),
        recipes=[_compare_recipes(first, second, *pair) for pair in pairs],
        lacks=[f"{one.name} has no {table}" for one in (first, second) for table in one.lacks],
    )


def _lacking(frame: pd.DataFrame, other: pd.DataFrame, key: str) -> pd.DataFrame:
    return frame[~frame[key].isin(other[key])]


def _has_left(both: pd.DataFrame) -> pd.Series:
    """Whether each image's old path is none of those that its copies have in the second version."""
    left = [
        before != now and (np.ndim(copies) == 0 or before not in copies)
        for before, now, copies in zip(both["path_first"], both["path_second"], both["paths_second"], strict=True)
    ]
    return pd.Series(left, index=both.index, dtype=bool)


def _paths(snapshot: Snapshot) -> dict[str, str]:
    return dict(zip(snapshot.images["image_id"], snapshot.images["path"], strict=True))


def _changed(frame: pd.DataFrame, column: str, keep: Mapping[str, str]) -> pd.DataFrame:
    """Rows of a merged frame whose `column` differs, with both values as `first` and `second`."""
    values = [frame[f"{column}_{side}"].fillna("").astype(str) for side in ("first", "second")]
    picked = frame[values[0] != values[1]]
    out = pd.DataFrame({name: picked[source] for name, source in keep.items()})
    out["first"], out["second"] = values[0].loc[picked.index], values[1].loc[picked.index]
    return out.sort_values(next(iter(keep)), ignore_index=True)


def _moved(first: pd.DataFrame, second: pd.DataFrame, paths: Mapping[str, str]) -> pd.DataFrame:
    sides = [side.assign(place=_places(side))[["image_id", "label", "place"]] for side in (first, second)]
    both = sides[0].merge(sides[1], on="image_id", suffixes=("_first", "_second"))
    moved = _changed(both, "place", keep={"image_id": "image_id", "label": "label_second"})
    moved.insert(1, "path", [paths.get(image, "") for image in moved["image_id"]])
    return moved.sort_values(["first", "second", "path"], ignore_index=True)


def _places(splits: pd.DataFrame) -> pd.Series:
    folds = ["" if pd.isna(fold) else f", fold {int(fold)}" for fold in splits["fold"]]
    return splits["part"].astype(str) + pd.Series(folds, index=splits.index, dtype=object)


def _training(snapshot: Snapshot) -> pd.DataFrame:
    return snapshot.places[snapshot.places["part"] == "train"]


def _side_by_side(first: pd.DataFrame, second: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Rows of both frames counted by `columns`."""
    counts = [frame.groupby(columns).size().rename(side) for frame, side in ((first, "first"), (second, "second"))]
    return pd.concat(counts, axis=1).fillna(0).astype(int).sort_index().reset_index(names=columns)


def _compare_recipes(first: Snapshot, second: Snapshot, before: str, after: str) -> RecipeDifference:
    sides = first.balanced[before], second.balanced[after]
    new = [side.loc[~side["origin"].isin(KEPT), COLUMNS] for side in sides]
    old = [side.loc[side["origin"].isin(KEPT), COLUMNS] for side in sides]
    both = new[0].merge(new[1], on="row_id", suffixes=("_first", ""))
    counts = _side_by_side(*sides, ["label", "origin"])
    rank = {origin: number for number, origin in enumerate(ORIGINS)}
    counts = counts.sort_values(["label", "origin"], key=lambda values: values.map(lambda v: rank.get(v, v)))
    return RecipeDifference(
        before,
        after,
        counts.reset_index(drop=True),
        made=_only(new[1], new[0]),
        dropped=_only(new[0], new[1]),
        remade=both.loc[both["content"] != both["content_first"], COLUMNS].sort_values(ORDER, ignore_index=True),
        entered=_only(old[1], old[0]),
        left=_only(old[0], old[1]),
    )


def _only(rows: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    return _lacking(rows, others, "row_id").sort_values(ORDER, ignore_index=True)


def _parameters(
    first: Mapping[str, Any], second: Mapping[str, Any], pairs: list[tuple[str, str]]
) -> list[tuple[str, Any, Any]]:
    """Parameters that decide the balanced sets and differ, one by one."""
    changes: list[tuple[str, Any, Any]] = []
    for section in SECTIONS:
        changes += _differing(section, first.get(section), second.get(section))
    for before, after in pairs:
        key = f"recipes.{before}" if before == after else f"recipes.{before} → {after}"
        changes += _differing(key, _recipe(first, before), _recipe(second, after))
    return changes


def _recipe(params: Mapping[str, Any], name: str) -> Any:
    recipes = params.get("recipes")
    return recipes.get(name) if isinstance(recipes, dict) else None


def _differing(key: str, first: Any, second: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(first, dict) and isinstance(second, dict):
        for name in dict.fromkeys([*first, *second]):
            yield from _differing(f"{key}.{name}", first.get(name), second.get(name))
    elif first != second:
        yield key, first, second
