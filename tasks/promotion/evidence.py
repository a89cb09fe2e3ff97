"""What is kept with a model of how it was judged, so that any later model can be compared with it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from tasks.errors import InputError
from tasks.evaluate.scored import Scored
from tasks.files import json_digest, read_json, write_json
from tasks.tables import PREDICTIONS, SPLITS, first_repeat, predictions_file

ABOUT = "about.json"


@dataclass(frozen=True)
class Evidence:
    """How a strategy's model was judged.

    Attributes
    ----------
    about
        What was found of it, see `flows.tracking.findings.Findings.about`.
    splits
        Rows of the training part of `SPLITS`: which images it has learnt from, with labels, groups and folds.
    predictions
        Rows of the training part of `PREDICTIONS`: what was predicted of each image by fits that had not seen it.
    """

    about: dict[str, Any]
    splits: pd.DataFrame
    predictions: pd.DataFrame

    @classmethod
    def gather(cls, root: Path, strategy: str, about: dict[str, Any]) -> Evidence:
        """That of a strategy of the workspace at `root`, as its stages left it.

        Raises
        ------
        InputError
            A table is missing or can't be read.
        """
        splits = SPLITS.read(SPLITS.place(root))
        file = predictions_file(root, strategy)
        if not file.is_file():
            raise InputError(f"{file}: the predictions are missing; `equipoise run` makes them")
        predictions = pq.read_table(file, filters=[("part", "=", "train")]).to_pandas()
        splits = splits[splits["part"] == "train"].reset_index(drop=True)
        return cls(about | {"images": images_digest(splits)}, splits, predictions)

    @classmethod
    def read(cls, folder: Path) -> Evidence:
        """Read what `write` wrote.

        Raises
        ------
        InputError
            A file is missing or broken, or the tables are not of the images that they say.
        """
        try:
            about = read_json(folder / ABOUT)
            found = cls(about, SPLITS.read(folder / SPLITS.file), PREDICTIONS.read(folder / PREDICTIONS.file))
        except (OSError, ValueError, InputError) as error:
            raise InputError(f"what was kept of how the model was judged can't be read: {error}") from error
        if images_digest(found.splits) != about.get("images"):
            raise InputError("what was kept of how the model was judged is not of the images that it says")
        return found

    def write(self, folder: Path) -> None:
        """Write it into `folder`."""
        write_json(folder / ABOUT, self.about)
        SPLITS.write(self.splits, folder / SPLITS.file)
        PREDICTIONS.write(self.predictions, folder / PREDICTIONS.file)

    @property
    def images(self) -> str:
        """The digest of the images that it was judged on, see `images_digest`."""
        return str(self.about["images"])

    @cached_property
    def scored(self) -> Scored:
        """Its out-of-fold scores."""
        return Scored.of(self.predictions, self.splits, "train")

    @property
    def classes(self) -> list[str]:
        """The classes that it knows, sorted."""
        return sorted(self.splits["label"].unique())

    @property
    def learnt_from(self) -> set[str]:
        """The ids of the images that it has learnt from."""
        return set(self.splits["image_id"])


def images_digest(splits: pd.DataFrame) -> str:
    """SHA-256 over images, which are named by their content, their labels, and who is whose relative.

    Two models that were judged out of fold on images of the same digest were judged on the same images, whatever the
    folds were; how groups are called, and in which order rows stand, plays no part.
    """
    rows = first_repeat(splits).sort_values("image_id")
    relatives = rows.groupby("group")["image_id"].transform("min")
    return json_digest([list(row) for row in zip(rows["image_id"], rows["label"], relatives, strict=True)])
