"""A balanced set put together: the plan, its new images, those of a generator, and the summary."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from tasks.balance.contact_sheets import write_contact_sheets
from tasks.balance.derive import Copy, Order, Parent
from tasks.balance.make import make_once, still_to_make
from tasks.balance.plan import plan
from tasks.balance.space import check_space, needed_for
from tasks.balance.synthetic import synthetic_bytes, with_synthetic
from tasks.files import write_json
from tasks.lineage import TrainingSet
from tasks.params.models import NONE
from tasks.progress import say
from tasks.row_store import RowStore
from tasks.slugs import slugs
from tasks.tables import BALANCED, ORIGINS

if TYPE_CHECKING:
    import numpy as np

    from tasks.balance.mixed import MixedImages
    from tasks.balance.presets import Preset
    from tasks.params.models import Recipe


@dataclass(frozen=True)
class Resources:
    """Where a balanced set's making finds and leaves things.

    Attributes
    ----------
    raw
        The folder that the catalog's paths stand below.
    synthetic
        The folder of the recipe's generator; not read where the recipe names none.
    features
        Gives the feature vectors of image ids, shape (n, d); called only where a rule needs them.
    known
        Gives the store of the images that a preset of transforms, or a mix, made in earlier runs.
    folder
        Where to write.
    workers
        Number of processes; changes time only.
    """

    raw: Path
    synthetic: Path
    features: Callable[[list[str]], np.ndarray]
    known: Callable[[Preset | MixedImages], RowStore]
    folder: Path
    workers: int


def assemble(training: TrainingSet, recipe: Recipe, seed: int, resources: Resources) -> pd.DataFrame:
    """Make a balanced set; write its images, contact sheets and summary.

    Parameters
    ----------
    training
        The images that may be used.
    recipe
        How they are balanced.
    seed
        ``balance.seed``.
    resources
        Where things are found and go.

    Returns
    -------
    pandas.DataFrame
        Table `BALANCED`.

    Raises
    ------
    InputError
        A target names no class, an image can't be read any more, the disk is too small, or the generator's images don't
        fit the training set.
    """
    features = resources.features(training.rows["image_id"].tolist()) if recipe.resample.needs_features else None
    planned = plan(training, recipe.resample, recipe.augment, recipe.preset, recipe.mixed, seed, features)
    for account in planned.accounts:
        for line in account.lines():
            say(line)
    balanced = planned.rows
    batches = [
        _Batch(
            balanced.index[balanced["origin"] == origin],
            _orders(balanced[balanced["origin"] == origin], training, resources),
            component.specification(),
            resources.known(component),
        )
        for origin, component in (("augmented", recipe.preset), ("mixed", recipe.mixed))
        if (balanced["origin"] == origin).any()
    ]
    to_make = [order for batch in batches for order in still_to_make(batch.orders, seed, batch.known)]
    chosen = recipe.synthetic
    copied = synthetic_bytes(resources.synthetic, chosen.images) if chosen.generator != NONE else 0
    check_space(resources.folder, needed_for(to_make) + copied)
    for batch in batches:
        balanced = _with_new_images(balanced, batch, seed, resources)
    write_contact_sheets(balanced, training, resources.raw, resources.folder)
    if chosen.generator != NONE:
        balanced = with_synthetic(balanced, training, resources.synthetic, chosen.images, resources.folder)
    balanced = balanced[BALANCED.schema.names].astype({"second_share": "float64"})
    summary = summarise(training, balanced)
    write_json(resources.folder / "summary.json", summary | {"components": [one.as_json() for one in planned.accounts]})
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


@dataclass(frozen=True)
class _Batch:
    """New images that are made alike: their rows of the plan, in the order of their orders, and how they are made."""

    rows: pd.Index
    orders: list[Order]
    specification: str
    known: RowStore


def _orders(new: pd.DataFrame, training: TrainingSet, resources: Resources) -> list[Order]:
    """What to make for rows of a plan, in their order: all rows of a parent stand together."""
    place = {label: resources.folder / "images" / slug for label, slug in slugs(training.classes).items()}
    images = training.rows.set_index("image_id")
    parent_of = {
        name: Parent(resources.raw / path, sha256, depth)
        for name, path, sha256, depth in images[["path", "sha256", "depth"]].itertuples(name=None)
    }
    return [
        Order(
            parent_of[first],
            tuple(
                Copy(row.copy_number, place[row.label] / row.row_id, *map(parent_of.get, row.parents[1:]))
                for row in rows.itertuples()
            ),
        )
        for first, rows in new.groupby(new["parents"].str[0], sort=False)
    ]


def _with_new_images(planned: pd.DataFrame, batch: _Batch, seed: int, resources: Resources) -> pd.DataFrame:
    """The plan with the `file`s of a batch of new images, and the steps that each went through."""
    for folder in {copy.stem.parent for order in batch.orders for copy in order.copies}:
        folder.mkdir(parents=True, exist_ok=True)
    made = make_once(batch.orders, batch.specification, seed, resources.workers, batch.known)
    planned = planned.copy()
    planned.loc[batch.rows, "file"] = [image.file.relative_to(resources.folder).as_posix() for image in made]
    planned.loc[batch.rows, "parameters"] = [
        json.dumps(json.loads(parameters) | {"applied": image.applied}, sort_keys=True)
        for parameters, image in zip(planned.loc[batch.rows, "parameters"], made, strict=True)
    ]
    return planned
