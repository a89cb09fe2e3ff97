"""What is placed whole: the labelled images of a group of relatives, and what is settled about them beforehand.

Two things settle a place: the part that the user gave an image, and the frozen assignment. An image of which nothing is
settled goes where its relatives are. If those are on different sides it can't go anywhere without a leak and is left
out; the settled ones themselves stay where they are, each side a unit of its own, which the leak check then reports.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from tasks.errors import InputError
from tasks.split.wording import ADD_AGAIN

TEST = 0  # the place of the test part; fold f has place f + 1
FREE = -1  # nothing is settled
TRAINING = -2  # some fold, but not the test part

BOTH_PARTS = "has relatives in the test part and in training"
SEVERAL_FOLDS = "has relatives in several folds"


@dataclass(frozen=True)
class Units:
    """What is placed.

    Attributes
    ----------
    images
        The labelled images that take part, by `image_id`: `path`, `label`, `part` and `given` (part and group from the
        user), `group` (of relatives), `taken`, `is_settled`, and `unit`, a number from 0 to U - 1.
    fixed
        Shape (U, R): place of each unit in each repeat, `FREE` or `TRAINING`.
    excluded
        The labelled images that can't take part: `image_id`, `path`, `label`, `reason`.
    """

    images: pd.DataFrame
    fixed: np.ndarray
    excluded: pd.DataFrame

    @property
    def classes(self) -> list[str]:
        """The K class names, sorted."""
        return sorted(self.images["label"].unique())

    @property
    def counts(self) -> np.ndarray:
        """Images a unit and class, shape (U, K)."""
        classes = self.classes
        counts = np.zeros((len(self.fixed), len(classes)), dtype=np.int64)
        np.add.at(counts, (self.images["unit"].to_numpy(), np.searchsorted(classes, self.images["label"])), 1)
        return counts

    @property
    def names(self) -> list[str]:
        """A name a unit that follows from its content: the smallest `image_id` in it."""
        return list(self.images.groupby("unit")["image_id"].min())

    def without(self, leave: pd.Series, reason: str) -> Units:
        """The units of the images for which `leave` is false; the others are excluded for the reason given."""
        left = self.images.loc[leave, ["image_id", "path", "label"]].assign(reason=reason)
        return replace(self.only(~leave), excluded=pd.concat([self.excluded, left], ignore_index=True))

    def only(self, stay: pd.Series) -> Units:
        """The units of the images for which `stay` is true, in order of their smallest `image_id`."""
        images = self.images[stay]
        number, left = pd.factorize(images["unit"])
        return replace(self, images=images.assign(unit=number).reset_index(drop=True), fixed=self.fixed[left])


def gather(catalog: pd.DataFrame, groups: pd.DataFrame, frozen: pd.DataFrame, repeats: int) -> Units:
    """Join images to units.

    Parameters
    ----------
    catalog, groups
        Tables `CATALOG` and `GROUPS`.
    frozen
        The frozen assignment: `image_id`, `part`, `repeat`, `fold`; without rows where nothing is frozen.
    repeats
        Number of repeats R.

    Raises
    ------
    InputError
        The part that the user gave an image is not the frozen one.
    """
    columns = ["image_id", "path", "label", "part", "group", "taken"]
    images = catalog[columns].rename(columns={"group": "given"}).merge(groups, on="image_id", validate="1:1")
    images = images[images["label"].notna()].sort_values("image_id", ignore_index=True)
    settled = _settled(images, frozen, repeats)
    rows, side = np.unique(settled, axis=0, return_inverse=True)
    images["is_settled"] = (settled != FREE).any(axis=1)
    images["side"] = side.ravel()

    # Training images that wait for a fold join relatives that have one, but not those that are given for validation.
    waits = (settled == TRAINING).all(axis=1)
    has_fold = images["is_settled"] & ~waits & (settled[:, 0] != TEST) & (images["part"] != "val")
    _join(images, waits, images[has_fold].groupby("group")["side"].min())

    sides = images[images["is_settled"]].groupby("group")["side"].agg(["nunique", "min"])
    torn = images["group"].isin(sides.index[sides["nunique"] > 1])
    is_new = ~images["is_settled"]
    _join(images, is_new & ~torn, sides["min"])
    tests = images[images["is_settled"] & (settled[:, 0] == TEST)]["group"]
    reasons = np.where(images["group"].isin(tests), BOTH_PARTS, SEVERAL_FOLDS)
    excluded = images.assign(reason=reasons).loc[is_new & torn, ["image_id", "path", "label", "reason"]]

    images = images[~(is_new & torn)].reset_index(drop=True)
    images["unit"] = images.groupby(["group", "side"], sort=True).ngroup()
    first = images.drop_duplicates("unit").sort_values("unit")
    return Units(images.drop(columns="side"), rows[first["side"]], excluded.reset_index(drop=True))


def _join(images: pd.DataFrame, chosen: pd.Series | np.ndarray, side_of_group: pd.Series) -> None:
    """Give the chosen images the side of their group, where it has one."""
    images.loc[chosen, "side"] = images["group"].map(side_of_group).fillna(images["side"]).astype(np.int64)[chosen]


def _settled(images: pd.DataFrame, frozen: pd.DataFrame, repeats: int) -> np.ndarray:
    """The place of each image in each repeat, as far as it is settled, shape (n, R)."""
    given = images["part"].map({"train": TRAINING, "test": TEST, "val": 1}).fillna(FREE).to_numpy(np.int64)
    settled = np.repeat(given[:, None], repeats, axis=1)
    place = frozen["fold"].astype("Int64").add(1).fillna(TEST).astype(np.int64)
    known = frozen.assign(place=place).pivot(index="image_id", columns="repeat", values="place")
    known = known[known.index.isin(images["image_id"])]
    rows = images["image_id"].searchsorted(known.index)
    for repeat in range(repeats if len(known) else 0):
        if repeat in known.columns:
            places = known[repeat].to_numpy()
        else:  # drawn now, but the part stays
            places = np.where(known[0] == TEST, TEST, np.where(given[rows] == 1, 1, TRAINING))
        contradicts = np.where(given[rows] == TRAINING, places == TEST, (given[rows] != FREE) & (given[rows] != places))
        if contradicts.any():
            _refuse(images.iloc[rows[contradicts]])
        settled[rows, repeat] = places
    return settled


def _refuse(images: pd.DataFrame) -> None:
    first = images.iloc[0]
    raise InputError(
        f"{len(images)} images have a given part that is not the frozen one, for instance {first['path']} "
        f"({first['part']}): `equipoise freeze --discard` gives up the frozen assignment (data/frozen.csv), or leave "
        f"the part of these images out {ADD_AGAIN}"
    )
