"""The images that are audited, untouched and changed, and what a model sees of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.balance.derive import Copy, Made, Order, Parent
from tasks.balance.known import known_images
from tasks.balance.make import make_once
from tasks.balance.presets import Preset
from tasks.decoding import decode
from tasks.features.backbones import Backbone
from tasks.features.stored import embed_stored
from tasks.workspace import Workspace

STORE = "audited-"  # and the recipe's name: the row store of the changed versions, which its strategies share


def audited_images(splits: pd.DataFrame, catalog: pd.DataFrame, most: int) -> pd.DataFrame:
    """Choose the images: training images of the largest class, the first by id, which is a hash of content.

    Parameters
    ----------
    splits
        Table `SPLITS`, one repeat.
    catalog
        Table `CATALOG`.
    most
        How many at most.

    Returns
    -------
    pandas.DataFrame
        `image_id`, `label`, `group`, `fold`, `path` and `sha256`, in order of `image_id`.
    """
    training = splits[splits["part"] == "train"]
    label = training["label"].value_counts(sort=False).sort_index().idxmax()
    chosen = training[training["label"] == label].sort_values("image_id").head(most)
    files = catalog.set_index("image_id")[["path", "sha256"]]
    return chosen[["image_id", "label", "group", "fold"]].join(files, on="image_id").reset_index(drop=True)


def changed_versions(
    workspace: Workspace, recipe: str, preset: Preset, images: pd.DataFrame, copies: int, folder: Path
) -> list[Made]:
    """The images as a recipe changes them, `copies` of each, one image after the other, written into `folder`."""
    orders = [
        Order(
            Parent(workspace.path("data", "raw") / row.path, row.sha256),
            tuple(Copy(number, folder / f"{row.image_id}-{number}") for number in range(1, copies + 1)),
        )
        for row in images.itertuples()
    ]
    folder.mkdir(parents=True, exist_ok=True)
    known = known_images(workspace, STORE + recipe, preset)
    return make_once(orders, preset.specification(), workspace.params.balance.seed, workspace.workers, known)


@dataclass(frozen=True, eq=False)
class ChangedSource:
    """Changed images as `tasks.inputs.Inputs` takes them; ids are file names.

    Attributes
    ----------
    workspace
        Whose row store knows feature vectors of earlier audits.
    made
        The images by file name.
    backbone
        How a family on features sees images, as its model keeps it.
    """

    workspace: Workspace
    made: Mapping[str, Made]
    backbone: Backbone | None

    def features(self, ids: Sequence[str], backbone: str, fold: int | None) -> NDArray[np.float32]:
        """See `tasks.inputs.Source`."""
        assert self.backbone is not None
        own = [self.made[name] for name in ids]
        return embed_stored(self.workspace, self.backbone, [one.sha256 for one in own], [one.file for one in own])

    def images(self, ids: Sequence[str], size: int, resize: str) -> NDArray[np.uint8]:
        """See `tasks.inputs.Source`."""
        return decode([self.made[name].file for name in ids], size, resize)
