"""The plan of a balanced set: which rows it has and what each descends from, before a pixel is touched."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import pandas as pd

from tasks.balance.augment import Augment
from tasks.balance.resample import Resample
from tasks.balance.transforms import Transforms
from tasks.lineage import TrainingSet


def plan(
    training: TrainingSet, resample: Resample, augment: Augment, transforms: Transforms, seed: int
) -> pd.DataFrame:
    """The rows of a balanced set.

    Where not all images of a class get the same, chance decides by content: by the hash of the seed and the image's own
    hash, after the copy number. So a larger target adds rows and changes none, a new image changes only what the counts
    force, and the folds, which know nothing of this order, stay balanced but for the odd row.

    Parameters
    ----------
    training
        The images that may be used.
    resample, augment, transforms
        The parts of the recipe.
    seed
        ``balance.seed``.

    Returns
    -------
    pandas.DataFrame
        Table `BALANCED` without `file`s; further columns `parent` (an image id) and `copy_number` (from 1 for exact
        copies and for new images, 0 for originals). Originals come first, then copies, then new images.
    """
    labels = training.rows["label"].to_numpy(dtype=object)
    order = np.array([_salted(seed, sha256) for sha256 in training.rows["sha256"]])
    times = resample.times(labels, order)
    new = augment.new_images(labels, times, order)
    rows: list[dict[str, Any]] = []
    for image, often in zip(training.rows.itertuples(), times, strict=True):
        if often:
            rows.append(_row(image, 0, image.image_id, "original", "original", {}))
    for image, often in zip(training.rows.itertuples(), times, strict=True):
        rows += [_row(image, n, f"{image.image_id}-c{n}", "copy", "copy", {"copy": n}) for n in range(1, often)]
    for image, often in zip(training.rows.itertuples(), new, strict=True):
        for n in range(1, often + 1):
            row_id = f"{image.image_id}-a{transforms.digest()}-{n}"
            parameters = {"copy": n, "seed": seed, "specification": transforms.digest()}
            rows.append(_row(image, n, row_id, "augmented", transforms.part_name(), parameters))
    return pd.DataFrame(rows)


def _row(image: Any, copy: int, row_id: str, origin: str, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
    return {
        "row_id": row_id,
        "label": image.label,
        "origin": origin,
        "parents": [image.image_id],
        "operation": operation,
        "parameters": json.dumps(parameters, sort_keys=True),
        "file": None,
        "fold": int(image.fold),
        "fitted_on": None,
        "second_label": None,
        "second_share": None,
        "parent": image.image_id,
        "copy_number": copy,
    }


def _salted(seed: int, sha256: str) -> str:
    """A random number that hangs on the image's content alone, and on nothing else that was drawn from it."""
    return hashlib.sha256(f"{seed}:{sha256}".encode()).hexdigest()
