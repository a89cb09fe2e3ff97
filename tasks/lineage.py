"""Lineage: which images a row of a training set descends from, and the proof that evaluation images stay out of reach.

What generates or fits takes a `TrainingSet`, and a training set can only be made from the training rows of a split. A
row that can't name its parents can't enter one; `prove_no_leak` then checks the written data itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tasks.errors import InputError
from tasks.tables import first_repeat

OF_CATALOG = ["path", "sha256", "depth", "width", "height"]


@dataclass(frozen=True)
class TrainingSet:
    """The labelled training rows of a split, never an evaluation image.

    Make one with `TrainingSet.of`; the constructor refuses rows that are not training rows.

    Attributes
    ----------
    rows
        One row an image: `image_id`, `label`, `fold`, `group` and, where it was made with a catalog, `path`, `sha256`,
        `depth`, `width` and `height` (pixels), in order of `image_id`.
    """

    rows: pd.DataFrame

    def __post_init__(self) -> None:
        if not (self.rows["part"] == "train").all() or self.rows["fold"].isna().any():
            raise ValueError("a training set can only hold rows of the part 'train' that lie in a fold")

    @classmethod
    def of_split(cls, splits: pd.DataFrame, repeat: int = 0) -> TrainingSet:
        """The training rows of one repeat of a split."""
        rows = splits[(splits["part"] == "train") & (splits["repeat"] == repeat)]
        return cls(rows.sort_values("image_id", ignore_index=True))

    @classmethod
    def of(cls, catalog: pd.DataFrame, splits: pd.DataFrame, repeat: int = 0) -> TrainingSet:
        """The training rows of one repeat of a split, with what the catalog knows of them.

        Raises
        ------
        InputError
            The split names an image that the catalog lacks.
        """
        rows = cls.of_split(splits, repeat).rows
        strangers = rows.loc[~rows["image_id"].isin(catalog["image_id"]), "image_id"]
        if len(strangers):
            raise InputError(
                f"the split names {strangers.iloc[0]}, which the catalog lacks; "
                "`equipoise run --force split` makes it anew"
            )
        rows = rows.merge(catalog[["image_id", *OF_CATALOG]], on="image_id", validate="1:1")
        return cls(rows.sort_values("image_id", ignore_index=True))

    @property
    def classes(self) -> list[str]:
        """The class names, sorted."""
        return sorted(self.rows["label"].unique())

    @property
    def counts(self) -> dict[str, int]:
        """Images a class, in the order of `classes`."""
        counts = self.rows["label"].value_counts()
        return {name: int(counts[name]) for name in self.classes}

    def outside_fold(self, balanced: pd.DataFrame, fold: int | None) -> pd.DataFrame:
        """The rows of a balanced set that may train for `fold`: those that no image of the fold went into.

        An image goes into a row as its parent, or as one that its generator saw. Balanced sets are planned for the
        folds of the first repeat, where all of a row's images lie in one fold, which the column `fold` holds; in
        another repeat they may lie in several, and the row is out of each. `fold` None stands for the model fitted on
        all training rows.
        """
        if fold is None:
            return balanced
        inside = self.rows.loc[self.rows["fold"] == fold, "image_id"]
        touched = np.zeros(len(balanced), dtype=bool)
        for column in ("parents", "fitted_on"):
            images = balanced[column].reset_index(drop=True).explode()
            touched[images.index[images.isin(inside)]] = True
        return balanced[~touched]


def prove_no_leak(balanced: pd.DataFrame, splits: pd.DataFrame) -> None:
    """Prove on the data that no row of a balanced set descends from, or is related to, an image outside training.

    The label of a row follows from its parents as well: a row has theirs, a mixed one those of its two in their order.

    Parameters
    ----------
    balanced
        Table `BALANCED`.
    splits
        Table `SPLITS`, all repeats; `group` names the relatives of an image.

    Raises
    ------
    InputError
        A row without parents, with an unknown parent, with a parent or a parent's relative outside training in any
        repeat, with a parent whose relatives lie in several folds of one, with parents in another fold (of the first
        repeat) or of another class than it says, or from a generator that saw images outside training, their relatives,
        or images of another fold. The message names the first such rows.
    """
    outside = splits[splits["part"] != "train"]
    outside_groups = set(outside.loc[outside["part"] != "excluded", "group"])
    folds_of_group = splits.groupby(["repeat", "group"])["fold"].nunique()
    torn = set(folds_of_group.index[folds_of_group > 1].get_level_values("group"))
    first = first_repeat(splits)
    training = first[~first["image_id"].isin(outside["image_id"])].set_index("image_id")
    fold_of = training["fold"].astype(int).to_dict()
    group_of = training["group"].to_dict()
    label_of = training["label"].to_dict()

    problems: list[str] = []
    for row in balanced.itertuples():
        parents = list(row.parents)
        if not parents:
            problems.append(f"{row.row_id} names no parents")
        strangers = [parent for parent in parents if parent not in fold_of]
        if strangers:
            problems.append(f"{row.row_id} descends from {strangers[0]}, which is not a training image")
            continue
        for parent in parents:
            if group_of[parent] in outside_groups:
                problems.append(f"{row.row_id} descends from {parent}, which has a relative outside training")
            if group_of[parent] in torn:
                problems.append(f"{row.row_id} descends from {parent}, whose relatives lie in several folds")
            if fold_of[parent] != row.fold:
                problems.append(f"{row.row_id} says fold {row.fold}, but {parent} lies in fold {fold_of[parent]}")
        other = row.label if pd.isna(row.second_label) else row.second_label
        for number, parent in enumerate(parents):
            label = other if number else row.label
            if label_of[parent] != label:
                problems.append(f"{row.row_id} says class {label!r}, but {parent} is {label_of[parent]!r}")
        seen = row.fitted_on if row.fitted_on is not None else []
        outsiders = [image for image in seen if image not in fold_of]
        if outsiders:
            problems.append(f"{row.row_id} comes from a generator that saw {outsiders[0]}, not a training image")
            continue
        related = [image for image in seen if group_of[image] in outside_groups]
        if related:
            what = f"{related[0]}, which has a relative outside training"
            problems.append(f"{row.row_id} comes from a generator that saw {what}")
        others = [image for image in seen if fold_of[image] != row.fold]
        if others:  # the row may train a model that is scored on that image
            other = f"{others[0]} of fold {fold_of[others[0]]}"
            problems.append(f"{row.row_id} says fold {row.fold}, but comes from a generator that saw {other}")
    if problems:
        shown = "\n  ".join(problems[:10])
        raise InputError(
            f"{len(problems)} rows of the balanced set leak evaluation images, or have a wrong label; "
            "`equipoise run --force balance` makes it anew (with synthesize before balance where a generator "
            f"is named):\n  {shown}"
        )
