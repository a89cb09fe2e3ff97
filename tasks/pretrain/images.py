"""Which images a backbone may learn from: never an evaluation image, nor a relative of one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tasks.lineage import TrainingSet
from tasks.tables import first_repeat


@dataclass(frozen=True)
class Seen:
    """The images that may be seen for some models.

    Attributes
    ----------
    rows
        `image_id`, `group` and `label` (empty for unlabelled images), in order of `image_id`.
    """

    rows: pd.DataFrame

    @property
    def ids(self) -> list[str]:
        """Their ids."""
        return list(self.rows["image_id"])

    @property
    def unlabelled(self) -> int:
        """How many of them have no label."""
        return int(self.rows["label"].isna().sum())


def images_for(splits: pd.DataFrame, catalog: pd.DataFrame, fold: int | None) -> Seen:
    """What may be seen for the models of a fold, or, with None, for those of all training rows.

    These are the training rows outside of the fold, and unlabelled images, unless one of their group is a test image,
    an image of the fold, or set aside. An unlabelled image that was given as one of a part other than training is left
    out as well: somebody wants to be judged by it.

    Parameters
    ----------
    splits
        Table `SPLITS`; its first repeat counts.
    catalog
        Table `CATALOG`, for the parts that were given.
    """
    first = first_repeat(splits)
    training = TrainingSet.of_split(splits, int(first["repeat"].iloc[0]))
    own = training.rows if fold is None else training.rows[training.rows["fold"] != fold]
    labelled = first[first["label"].notna()]
    apart = labelled.loc[~labelled["image_id"].isin(own["image_id"]), "group"]
    elsewhere = catalog.loc[catalog["part"].fillna("train") != "train", "image_id"]
    unlabelled = first[first["label"].isna() & ~first["group"].isin(apart) & ~first["image_id"].isin(elsewhere)]
    columns = ["image_id", "group", "label"]
    rows = pd.concat([own[columns], unlabelled[columns]]).sort_values("image_id", ignore_index=True)
    return Seen(rows)


def folds_of(splits: pd.DataFrame) -> list[int]:
    """The folds of the first repeat."""
    found = first_repeat(splits)["fold"].dropna()
    return [int(fold) for fold in np.unique(found.to_numpy(dtype=np.int64))]
