"""The images that a recipe is audited on, each with a model that has seen neither it nor a relative.

They are the part `audit` of the split, which no model trains on. Where too few groups of relatives could be kept out of
training for an interval, they are training images of the same class, and each is shown to the model of its own fold.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tasks.shortcuts import FEWEST_GROUPS
from tasks.train.models import Model, fold_folder, load_model

OUTSIDE = -1  # stands for no fold


def untrained_images(splits: pd.DataFrame, kept: dict[str, Any]) -> pd.DataFrame:
    """Choose the images.

    Parameters
    ----------
    splits
        Table `SPLITS`, one repeat.
    kept
        What the split says of its part `audit`: `label`, the class whose images are audited, and `wanted`, how many.

    Returns
    -------
    pandas.DataFrame
        `image_id`, `label`, `group`, and `fold`, empty for images of the part `audit`; in order of `image_id`.
        Of training images the first by id, which is a hash of content, so that chance has no other source.
    """
    of_class = splits[splits["label"] == kept["label"]].sort_values("image_id")
    part = of_class[of_class["part"] == "audit"]
    if part["group"].nunique() < FEWEST_GROUPS:
        part = of_class[of_class["part"] == "train"].head(kept["wanted"])
    return part[["image_id", "label", "group", "fold"]].reset_index(drop=True)


def models_for(folder: Path, images: pd.DataFrame) -> list[tuple[np.ndarray, Model]]:
    """The models to ask about the images, each with the places of those that it is asked about.

    Parameters
    ----------
    folder
        Of a strategy's models.
    images
        See `untrained_images`.
    """
    folds = images["fold"].astype("Int16").fillna(OUTSIDE).to_numpy(dtype=np.int64)
    return [
        (np.flatnonzero(folds == fold), load_model(folder if fold == OUTSIDE else fold_folder(folder, int(fold))))
        for fold in np.unique(folds)
    ]
