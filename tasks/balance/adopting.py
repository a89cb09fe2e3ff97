"""A generator's images as rows of a balanced set: by name and number, with the lineage that the generator wrote."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd

from tasks.errors import InputError
from tasks.lineage import TrainingSet
from tasks.slugs import slugs
from tasks.tables import BALANCED
from tasks.workspace import say


def with_synthetic(
    balanced: pd.DataFrame, training: TrainingSet, generator: Path, most: int | None, folder: Path
) -> pd.DataFrame:
    """The set with a generator's rows after its own, and the generator's images in its folder.

    Parameters
    ----------
    balanced
        The set so far.
    training
        The images that it may descend from.
    generator
        What ``synthesize`` wrote: ``synthetic.parquet`` and the images that it names.
    most
        Images a class, at most; the first in the order of their ids, which are hashes, so that more adds some and
        changes none. None: all.
    folder
        Where the set is written.

    Raises
    ------
    InputError
        The generator's images are of other classes, missing, or outside its folder.
    """
    synthetic = BALANCED.read(generator / "synthetic.parquet")
    unknown = sorted(set(synthetic["label"]) - set(training.classes))
    if unknown:
        raise InputError(f"{generator}: images of the class {unknown[0]!r}, which the training set has not")
    if most is not None:
        synthetic = synthetic.sort_values("row_id", ignore_index=True)
        for name, there in synthetic["label"].value_counts().sort_index().items():
            if there < most:
                say(f"{name}: {most:,} synthetic images asked, {there:,} made by {generator.name}: raise its `images`")
        synthetic = synthetic.groupby("label", sort=False).head(most)
    place = slugs(training.classes)
    files = []
    for row in synthetic.itertuples():
        source = generator / row.file
        if not source.resolve().is_relative_to(generator.resolve()) or not source.is_file():
            raise InputError(
                f"{generator}: the image {row.file!r} of row {row.row_id} is missing; run synthesize again"
            )
        target = folder / "images" / place[row.label] / f"{row.row_id}{source.suffix}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        files.append(target.relative_to(folder).as_posix())
    return pd.concat([balanced, synthetic.assign(file=files)], ignore_index=True)
