"""A balanced set put together: the plan, its new images, those of a generator, and the summary."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from tasks.balance.contact_sheets import write_contact_sheets
from tasks.balance.make import Order, make
from tasks.balance.plan import plan
from tasks.errors import InputError
from tasks.lineage import TrainingSet
from tasks.slugs import slugs
from tasks.tables import BALANCED, ORIGINS
from tasks.workspace import say, write_json

if TYPE_CHECKING:
    from tasks.balance.transforms import Transforms
    from tasks.params.models import Recipe


def assemble(
    training: TrainingSet, recipe: Recipe, seed: int, raw: Path, synthetic: Path, folder: Path, workers: int
) -> pd.DataFrame:
    """Make a balanced set; write its images, contact sheets and summary.

    Parameters
    ----------
    training
        The images that may be used.
    recipe
        How they are balanced.
    seed
        ``balance.seed``.
    raw
        The folder that the catalog's paths stand below.
    synthetic
        The folder of the recipe's generator; not read where the recipe names none.
    folder
        Where to write.
    workers
        Number of processes; changes time only.

    Returns
    -------
    pandas.DataFrame
        Table `BALANCED`.

    Raises
    ------
    InputError
        An image can't be read any more, or the generator's images don't fit the training set.
    """
    resample, augment, transforms = recipe.part("resample"), recipe.part("augment"), recipe.part("transforms")
    planned = plan(training, resample, augment, transforms, seed)
    balanced = _with_new_images(planned, training, transforms, seed, raw, folder, workers)
    write_contact_sheets(balanced, training, raw, folder)
    if recipe.synthetic != "none":
        balanced = _with_synthetic(balanced, training, synthetic, folder)
    balanced = balanced[BALANCED.schema.names]
    summary = summarise(training, balanced)
    write_json(folder / "summary.json", summary)
    for name, after in summary["after"].items():
        parts = ", ".join(f"{count:,} {origin}" for origin, count in after.items() if count)
        say(f"{name}: {summary['before'][name]:,} before, {sum(after.values()):,} after ({parts})")
    return balanced


def summarise(training: TrainingSet, balanced: pd.DataFrame) -> dict[str, Any]:
    """Rows a class before, and a class and origin after."""
    counts = balanced.groupby(["label", "origin"]).size()
    after = {
        name: {origin: int(counts.get((name, origin), 0)) for origin in ORIGINS if (name, origin) in counts}
        for name in training.classes
    }
    return {"before": training.counts, "after": after}


def _with_new_images(
    planned: pd.DataFrame,
    training: TrainingSet,
    transforms: Transforms,
    seed: int,
    raw: Path,
    folder: Path,
    workers: int,
) -> pd.DataFrame:
    """The plan with `file`s, and with the steps that each new image went through among its parameters."""
    new = planned[planned["origin"] == "augmented"]
    if new.empty:
        return planned
    planned = planned.copy()
    place = {label: folder / "images" / slug for label, slug in slugs(training.classes).items()}
    for label in new["label"].unique():
        place[label].mkdir(parents=True)
    images = training.rows.set_index("image_id")
    orders = [
        Order(
            parent=raw / images.loc[parent, "path"],
            sha256=images.loc[parent, "sha256"],
            copies=tuple((row.copy_number, place[row.label] / row.row_id) for row in rows.itertuples()),
        )
        for parent, rows in new.groupby("parent", sort=False)
    ]
    made = make(orders, transforms.specification(), seed, workers)
    # `new` is in the order of the orders: all rows of a parent stand together.
    planned.loc[new.index, "file"] = [image.file.relative_to(folder).as_posix() for image in made]
    planned.loc[new.index, "parameters"] = [
        json.dumps(json.loads(parameters) | {"applied": image.applied}, sort_keys=True)
        for parameters, image in zip(new["parameters"], made, strict=True)
    ]
    return planned


def _with_synthetic(balanced: pd.DataFrame, training: TrainingSet, generator: Path, folder: Path) -> pd.DataFrame:
    """The set with a generator's rows after its own, and the generator's images in its folder."""
    synthetic = BALANCED.read(generator / "synthetic.parquet")
    unknown = sorted(set(synthetic["label"]) - set(training.classes))
    if unknown:
        raise InputError(f"{generator}: images of the class {unknown[0]!r}, which the training set has not")
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
