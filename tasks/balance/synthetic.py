"""A generator's images as rows of a balanced set: by name and number, with the lineage that the generator wrote."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd

from tasks.balance.space import on_disk
from tasks.errors import InputError
from tasks.lineage import TrainingSet
from tasks.progress import say
from tasks.slugs import slugs
from tasks.synthesize import SHEETS
from tasks.tables import BALANCED

GENERATED = "generated"  # below a recipe's contact sheets: those of its generator


def synthetic_bytes(generator: Path, most: int | None) -> int:
    """Bytes that the images of a generator take, of `most` a class; see `with_synthetic`."""
    files = [generator / file for file in _chosen(generator, most)["file"]]
    return sum(on_disk(file.stat().st_size) for file in files if file.is_file())


def _chosen(generator: Path, most: int | None) -> pd.DataFrame:
    """The generator's rows, of each class the first by id where there are more than `most`."""
    synthetic = BALANCED.read(generator / "synthetic.parquet")
    if most is None:
        return synthetic
    return synthetic.sort_values("row_id", ignore_index=True).groupby("label", sort=False).head(most)


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
    synthetic = _chosen(generator, most)
    unknown = sorted(set(synthetic["label"]) - set(training.classes))
    if unknown:
        raise InputError(
            f"{generator}: images of the class {unknown[0]!r}, which the training set has not; "
            "`equipoise run --force synthesize` makes them anew"
        )
    for name, there in synthetic["label"].value_counts().sort_index().items():
        if most is not None and there < most:
            say(f"{name}: {most:,} synthetic images asked, {there:,} made by {generator.name}: raise its `images`")
    place = slugs(training.classes)
    files = []
    for row in synthetic.itertuples():
        source = generator / row.file
        if not source.resolve().is_relative_to(generator.resolve()) or not source.is_file():
            raise InputError(
                f"{generator}: the image {row.file!r} of row {row.row_id} is missing; "
                "`equipoise run --force synthesize` makes them anew"
            )
        target = folder / "images" / place[row.label] / f"{row.row_id}{source.suffix}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        files.append(target.relative_to(folder).as_posix())
    if (generator / SHEETS).is_dir():
        shutil.copytree(generator / SHEETS, folder / "contact_sheets" / GENERATED)
    return pd.concat([balanced, synthetic.assign(file=files)], ignore_index=True)
