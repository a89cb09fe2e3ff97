"""The split as a table: units gathered, placed by the chosen rule, and laid out a row an image and repeat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tasks.errors import InputError
from tasks.params.models import Split
from tasks.split import by_class, by_group, by_time
from tasks.split.cost import cost_in_words, cost_of_class
from tasks.split.frozen import check_folds, empty_frozen
from tasks.split.given_parts import place_given_parts
from tasks.split.set_aside import nothing_aside, set_relatives_aside
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
    aside
        Labelled images that `split.relatives` sets aside: `image_id`, `path`, `label`, `kinds`, `relative`, `side`.
    notes
        Sentences that the reader should know.
    """

    splits: pd.DataFrame
    excluded: pd.DataFrame
    aside: pd.DataFrame
    notes: list[str]


def make_split(
    catalog: pd.DataFrame,
    groups: pd.DataFrame,
    params: Split,
    frozen: pd.DataFrame | None = None,
    pairs: pd.DataFrame | None = None,
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
    pairs
        Table `PAIRS`, which is asked where `split.relatives` is exclude.

    Returns
    -------
    Assignment
        Unlabelled images, and those whose relatives are on different sides, are ``excluded``. Relatives lie on one
        side, unless given parts or the frozen assignment say otherwise: then each side has a `group` of its own, its
        smallest `image_id`; or, with `split.relatives: exclude`, only one of the sides stays.

    Raises
    ------
    InputError
        The classes can't be split so, see the rules `by_class`, `by_time` and `by_group`; a class has no image left;
        or it has to be decided first where the test part comes from (`given_parts`).
    """
    frozen = empty_frozen() if frozen is None else frozen
    if params.by != "group":
        check_folds(frozen, params.folds)
    units = gather(place_given_parts(catalog, params), groups, frozen, params.repeats)
    units, aside = _set_aside(units, groups, pairs, params)
    try:
        check_classes_left(catalog, units)
        units, placed, notes = _place(units, params)
    except InputError as error:
        if aside.empty:
            raise
        training = units.images[units.fixed[units.images["unit"], 0] != TEST]["label"].value_counts()
        cost = cost_in_words(cost_of_class(aside, training.to_dict()))
        raise InputError(f"{error}\nsplit.relatives is exclude, which set training images aside: {cost}") from None

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
    return Assignment(splits, units.excluded.sort_values("image_id", ignore_index=True), aside, notes)


def _set_aside(
    units: Units, groups: pd.DataFrame, pairs: pd.DataFrame | None, params: Split
) -> tuple[Units, pd.DataFrame]:
    """The units that stay, and the images that don't, as `split.relatives` says."""
    if params.relatives == "stop" or pairs is None:
        return units, nothing_aside()
    return set_relatives_aside(units, groups, pairs, params.accept)


def check_classes_left(catalog: pd.DataFrame, units: Units) -> None:
    """Refuse classes of which every image is excluded.

    Raises
    ------
    InputError
        With the classes and what to do.
    """
    gone = sorted(set(catalog["label"].dropna()) - set(units.classes))
    if gone:
        raise InputError(
            f"every image of {', '.join(map(repr, gone))} is excluded, since it has relatives on other sides of the "
            "split: drop these classes (ingest.drop) or merge them (ingest.rename)"
        )


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
