"""The split as a table: units gathered, placed by the chosen rule, and laid out a row an image and repeat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tasks.params.models import Split
from tasks.split import by_class, by_group, by_time
from tasks.split.frozen import check_folds, empty_frozen
from tasks.split.given_parts import place_given_parts
from tasks.split.units import FREE, TEST, Units, gather


@dataclass(frozen=True)
class Assignment:
    """Where every image is.

    Attributes
    ----------
    splits
        Table `SPLITS`.
    excluded
        Labelled images that can be on no side: `image_id`, `path`, `label`, `reason`.
    notes
        Sentences that the reader should know.
    """

    splits: pd.DataFrame
    excluded: pd.DataFrame
    notes: list[str]


def make_split(
    catalog: pd.DataFrame, groups: pd.DataFrame, params: Split, frozen: pd.DataFrame | None = None
) -> Assignment:
    """Assign every image to the test part, a fold of the training part, or ``excluded``.

    Parameters
    ----------
    catalog, groups
        Tables `CATALOG` and `GROUPS`.
    params
        What stands in `params.yaml`.
    frozen
        The frozen assignment, which every image in it keeps; None to draw all anew.

    Returns
    -------
    Assignment
        Unlabelled images, and those whose relatives are on different sides, are ``excluded``. Relatives lie on one
        side, unless given parts or the frozen assignment say otherwise: then each side has a `group` of its own, its
        smallest `image_id`.

    Raises
    ------
    InputError
        The classes can't be split so; see the rules `by_class`, `by_time` and `by_group`.
    """
    frozen = empty_frozen() if frozen is None else frozen
    if params.by != "group":
        check_folds(frozen, params.folds)
    units = gather(place_given_parts(catalog, params), groups, frozen, params.repeats)
    units, placed, notes = _place(units, params)

    images = catalog[["image_id", "label"]].merge(groups, on="image_id", validate="1:1")
    images = images.sort_values("image_id", ignore_index=True)
    places = np.full((len(images), placed.shape[1]), FREE)
    places[images["image_id"].searchsorted(units.images["image_id"])] = placed[units.images["unit"]]
    used = places[:, 0] != FREE
    images["group"] = _own_groups(images, places, used)
    repeats = [
        images.assign(
            part=np.select([place == FREE, place == TEST], ["excluded", "test"], "train"),
            repeat=repeat,
            fold=pd.Series(place - 1, dtype="Int16").where(place > TEST),
        )
        for repeat, place in enumerate(places.T)
    ]
    splits = pd.concat(repeats, ignore_index=True)[["image_id", "group", "label", "part", "repeat", "fold"]]
    check_split(splits)
    return Assignment(splits, units.excluded.sort_values("image_id", ignore_index=True), notes)


def _place(units: Units, params: Split) -> tuple[Units, np.ndarray, list[str]]:
    """Units that take part, the place of each in each repeat, shape (U, R), and sentences, by the chosen rule."""
    if params.by == "time":
        return by_time.place(units, params)
    if params.by == "group":
        return units, *by_group.place(units, params)
    return units, by_class.place(units, params), []


def _own_groups(images: pd.DataFrame, places: np.ndarray, used: np.ndarray) -> pd.Series:
    """The group of each image; where relatives lie on different sides, each side is a group of its own."""
    _, side = np.unique(places, axis=0, return_inverse=True)
    sided = images.assign(side=side.ravel())[used]
    torn = sided[sided.groupby("group")["side"].transform("nunique") > 1]
    own = torn.groupby(["group", "side"])["image_id"].transform("min")
    return own.reindex(images.index).fillna(images["group"])


def check_split(splits: pd.DataFrame) -> None:
    """Prove that no group lies on two sides, and that the test part is the same in all repeats.

    Raises
    ------
    ValueError
        A group lies in two parts, or in two folds of a repeat; a training row has no fold, or another row has one; or
        the repeats have different parts or groups.
    """
    used = splits[splits["part"] != "excluded"]
    sides = used.groupby(["repeat", "group"])[["part", "fold"]].nunique(dropna=False).max(axis=1)
    if (sides > 1).any():
        raise ValueError(f"relatives lie on two sides of the split: group {sides.idxmax()[1]}")
    if (splits["fold"].notna() != (splits["part"] == "train")).any():
        raise ValueError("the rows of the part train, and no others, lie in folds")
    if (splits.groupby("image_id")[["part", "group"]].nunique() > 1).any(axis=None):
        raise ValueError("an image has another part or group in another repeat")
