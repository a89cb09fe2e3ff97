"""The split: a held-out test part and k folds of the rest, every class everywhere, relatives never apart.

Groups are placed whole, those of the rarest classes first and larger ones before smaller ones, each where its classes
are missed most. What decides a group's place is its content and the seed, never the order of the rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tasks.errors import InputError
from tasks.params.models import Split
from tasks.tables import CATALOG, GROUPS, SPLITS
from tasks.workspace import Workspace, say, write_json

ROUNDS = 50  # of placing anew before a split counts as impossible
TIE_BREAK = 1e-6  # weight of the size of a place against its class counts
TEST = 0  # the place of the test part; fold f has place f + 1
REMEDY = "use fewer folds (split.folds), merge classes (ingest.rename), or leave them out (ingest.drop)"


@dataclass(frozen=True)
class Places:
    """Where groups may go.

    Attributes
    ----------
    targets
        Share of the images for each place, shape (1 + folds,): the test part, then the folds. Places filled by parts
        that the user gave have target 0.
    fixed
        Place of each group that has no choice, -1 for the others, shape (G,).
    may_test
        Whether a group may be placed in the test part, shape (G,).
    """

    targets: np.ndarray
    fixed: np.ndarray
    may_test: np.ndarray


def make_split(catalog: pd.DataFrame, groups: pd.DataFrame, params: Split) -> pd.DataFrame:
    """Assign every image to the test part, a fold of the training part, or ``excluded`` (the unlabelled ones).

    Parameters
    ----------
    catalog, groups
        Tables `CATALOG` and `GROUPS`.
    params
        `test_share` is a share of the labelled images. Parts given in the catalog are kept: ``test`` is the test part
        (then none is drawn), ``val`` is fold 0 (the others share the remaining folds), ``train`` is never in the test
        part. Relatives of an image with a given part go with it.

    Returns
    -------
    pandas.DataFrame
        Table `SPLITS` of repeat 0, by `image_id`.

    Raises
    ------
    InputError
        A class has too few groups to be in every place, or no image in the given test part, or relatives are given
        different parts.
    """
    images = catalog[["image_id", "path", "label", "part"]].merge(groups, on="image_id", validate="1:1")
    images = images.sort_values("image_id", ignore_index=True)
    labelled = images[images["label"].notna()]
    counts = pd.crosstab(labelled["group"], labelled["label"])
    places = find_places(_given_parts(labelled).reindex(counts.index), params)
    found = place_groups(counts.to_numpy(), places, _draws(counts.index, params.seed), list(counts.columns))
    place = pd.Series(found, index=counts.index)
    images["place"] = images["group"].map(place).where(images["label"].notna())
    splits = pd.DataFrame(
        {
            "image_id": images["image_id"],
            "group": images["group"],
            "label": images["label"],
            "part": np.select([images["place"].isna(), images["place"] == TEST], ["excluded", "test"], "train"),
            "repeat": 0,
            "fold": (images["place"] - 1).where(images["place"] > TEST).astype("Int16"),
        }
    )
    check_split(splits)
    return splits


def _given_parts(labelled: pd.DataFrame) -> pd.Series:
    """The part that the user gave to each group; relatives in different parts are refused."""
    given = labelled[labelled["part"].notna()].sort_values(["group", "part", "path"])
    parts = given.groupby("group")["part"]
    torn = parts.nunique()
    torn = torn[torn > 1].index
    if len(torn):
        shown = [
            " and ".join(f"{row.path} ({row.part})" for row in rows.drop_duplicates("part").itertuples())
            for _, rows in given[given["group"].isin(torn[:5])].groupby("group")
        ]
        raise InputError(
            f"{len(torn)} groups of related images are given different parts, which would leak: {'; '.join(shown)}; "
            "give relatives the same part in data/raw/table.csv, or leave one of them out"
        )
    return parts.first()


def find_places(given: pd.Series, params: Split) -> Places:
    """Where groups may go, from the part given to each (`given`: train, val, test or empty)."""
    parts = given.to_numpy(dtype=object)
    is_test, is_val, is_train = (parts == part for part in ("test", "val", "train"))
    targets = np.full(1 + params.folds, (1 - params.test_share) / params.folds)
    targets[TEST] = params.test_share
    if is_test.any():
        targets[TEST] = 0
    if is_val.any():
        targets[1] = 0
    fixed = np.select([is_test, is_val], [TEST, 1], -1)
    return Places(targets / targets.sum(), fixed, ~is_train & (targets[TEST] > 0))


def _draws(groups: pd.Index, seed: int) -> np.ndarray:
    """A random number a group that follows from its content and the seed only, shape (G,)."""
    digests = (hashlib.sha256(f"{seed}:{group}".encode()).digest() for group in groups)
    return np.array([int.from_bytes(digest[:8], "big") for digest in digests], dtype=np.uint64)


def place_groups(counts: np.ndarray, places: Places, draws: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """Find a place for each group, every class in every open place.

    Groups of several classes can be placed so that one class loses a place that it could have had; then all is placed
    anew with the groups of that class first ("squeaky wheel" search, Joslin and Clements 1999).

    Parameters
    ----------
    counts
        Images a group and class, shape (G, K).
    draws
        A random number a group, shape (G,): the order of groups that are otherwise alike.
    classes
        Names of the classes, for messages.

    Returns
    -------
    numpy.ndarray
        Index into `places.targets`, shape (G,).

    Raises
    ------
    InputError
        A class can't be in every place.
    """
    check_feasible(counts, places, classes)
    is_open = places.targets > 0
    complaints = np.zeros(counts.shape[1], dtype=np.int64)
    for _ in range(ROUNDS):
        place = _place_greedily(counts, places, draws, complaints)
        present = np.array([(counts[place == at] > 0).any(axis=0) for at in np.flatnonzero(is_open)])
        lost = ~np.all(present, axis=0)
        if not lost.any():
            return place
        complaints += lost
    raise InputError(
        f"no split was found that has each class in every fold and the test part (missing somewhere: "
        f"{_named(classes, complaints == complaints.max())}), because relatives belong to several classes; {REMEDY}"
    )


def check_feasible(counts: np.ndarray, places: Places, classes: Sequence[str]) -> None:
    """Refuse classes that can't be in every place, or that a training set or a given test part would lack.

    Raises
    ------
    InputError
        With the classes, the groups that they have and need, and what to do.
    """
    needed = int((places.targets > 0).sum())
    holds = counts > 0
    free = places.fixed < 0
    short = [
        f"{name!r} has {have}" for name, have in zip(classes, holds[free].sum(axis=0), strict=True) if have < needed
    ]
    if short:
        what = "one for the test part and one a fold" if places.targets[TEST] > 0 else "one a fold"
        given = "" if free.all() else "; groups whose part you gave as val or test are not counted"
        raise InputError(
            f"a class needs at least {needed} groups of relatives, {what}, but {', '.join(short)}{given}; {REMEDY}"
        )
    if places.targets[TEST] > 0:
        names = _named(classes, ~holds[free & places.may_test].any(axis=0))
        if names:
            raise InputError(
                f"all images of the classes {names} are given the part train, and no image the part test: give some of "
                "them the part test, or leave the part of some empty, in data/raw/table.csv"
            )
    is_given_test = places.fixed == TEST
    if is_given_test.any():
        names = _named(classes, ~holds[is_given_test].any(axis=0))
        if names:
            raise InputError(
                f"the test part that you gave has no image of {names}: give it some, leave the part test empty so that "
                "one is drawn, or drop the class (ingest.drop)"
            )
    if (places.targets[1:] > 0).sum() == 1:  # the given validation images are the only training images of one fold
        names = _named(classes, ~holds[places.fixed == 1].any(axis=0))
        if names:
            raise InputError(f"with two folds the images of the part val must be of all classes, but {names} has none")


def _named(classes: Sequence[str], chosen: np.ndarray) -> str:
    return ", ".join(repr(name) for name, is_chosen in zip(classes, chosen, strict=True) if is_chosen)


def _place_greedily(counts: np.ndarray, places: Places, draws: np.ndarray, complaints: np.ndarray) -> np.ndarray:
    """Place group after group, each where it lowers the chi-squared distance of class counts from their targets most.

    After the iterative stratification of Sechidis, Tsoumakas and Vlahavas (2011), with whole groups in place of single
    examples. While a class has no more groups left than places that lack it, its groups go to those.
    """
    is_open = places.targets > 0
    free = places.fixed < 0
    holds = counts > 0
    left, left_for_test = holds[free].sum(axis=0), holds[free & places.may_test].sum(axis=0)
    groups_of_class = left.copy()
    order = sorted(
        np.flatnonzero(free),
        key=lambda g: (-complaints[holds[g]].max(), groups_of_class[holds[g]].min(), -counts[g].sum(), draws[g]),
    )
    sizes = np.column_stack([counts, counts.sum(axis=1)])  # the last column stands for the images of all classes
    totals = np.maximum(sizes[free].sum(axis=0), 1)
    need = np.outer(places.targets, totals)
    weight = 1 / np.outer(np.where(is_open, places.targets, 1), totals)  # chi-squared distance
    weight[:, -1] *= TIE_BREAK
    lacks = np.repeat(is_open[:, None], counts.shape[1], axis=1)
    place = places.fixed.copy()
    for g in order:
        own = np.flatnonzero(holds[g])
        lacking = lacks[:, own]
        urgent = lacking & (left[own] <= lacking.sum(axis=0))
        last_for_test = places.may_test[g] & lacking[TEST] & (left_for_test[own] <= 1)
        urgent[TEST] |= last_for_test
        urgent[1:, last_for_test] = False
        allowed = is_open.copy()
        allowed[TEST] &= places.may_test[g]
        helped = np.where(allowed, urgent.sum(axis=1), -1)
        gain = (weight * sizes[g] * (need - sizes[g] / 2)).sum(axis=1).round(12)  # so that equal means equal
        best = int(np.argmax(np.where(helped == helped.max(), gain, -np.inf)))
        place[g] = best
        need[best] -= sizes[g]
        lacks[best, own] = False
        left[own] -= 1
        left_for_test[own] -= places.may_test[g]
    return place


def check_split(splits: pd.DataFrame) -> None:
    """Prove that no relatives lie on two sides.

    Raises
    ------
    ValueError
        A group lies in two parts or two folds, a training row has no fold, or another row has one.
    """
    used = splits[splits["part"] != "excluded"]
    sides = used.groupby(["repeat", "group"])[["part", "fold"]].nunique(dropna=False).max(axis=1)
    if (sides > 1).any():
        raise ValueError(f"relatives lie on two sides of the split: group {sides.idxmax()[1]}")
    if (splits["fold"].notna() != (splits["part"] == "train")).any():
        raise ValueError("the rows of the part train, and no others, lie in folds")


def summarise(splits: pd.DataFrame, params: Split) -> dict[str, Any]:
    """Counts a class of each part and fold, and the accuracy of always naming a part's most frequent class."""
    used = splits[splits["label"].notna()]
    classes = sorted(used["label"].unique())
    sides = {"train": used["part"] == "train", "test": used["part"] == "test"}
    sides |= {f"fold {fold}": used["fold"].eq(fold).fillna(False).astype(bool) for fold in range(params.folds)}
    counts = {side: used.loc[rows, "label"].value_counts() for side, rows in sides.items()}
    return {
        "counts": {side: {name: int(n.get(name, 0)) for name in classes} for side, n in counts.items()},
        "images": {side: int(n.sum()) for side, n in counts.items()},
        "groups": {side: int(used.loc[rows, "group"].nunique()) for side, rows in sides.items()},
        "majority_rate": {side: round(float(n.max() / n.sum()), 6) for side, n in counts.items() if len(n)},
        "excluded": int((splits["part"] == "excluded").sum()),
    }


def run(workspace: Workspace, name: str) -> None:
    """Make ``data/splits`` from ``data/catalog`` and ``data/groups``."""
    params = workspace.params.split
    catalog = CATALOG.read(workspace.path("data", "catalog", "catalog.parquet"))
    groups = GROUPS.read(workspace.path("data", "groups", "groups.parquet"))
    splits = make_split(catalog, groups, params)
    summary = summarise(splits, params)
    with workspace.output("data", "splits") as folder:
        SPLITS.write(splits, folder / "splits.parquet")
        write_json(folder / "summary.json", summary)
    for side, counts in summary["counts"].items():
        say(f"{side}: {summary['images'][side]:,} images, " + ", ".join(f"{name} {n:,}" for name, n in counts.items()))
        absent = [name for name, n in counts.items() if n == 0]
        if absent:
            say(f"{side} has no image of {', '.join(absent)}, since its images are the ones that you gave it")
