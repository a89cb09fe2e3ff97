"""One model a fold: it is fitted, it makes its images, and both are written down."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.files import write_json
from tasks.lineage import TrainingSet
from tasks.parallel import each
from tasks.progress import Progress, say
from tasks.slugs import slugs
from tasks.synthesize.gating import Gates, let_through
from tasks.synthesize.generators import FittedGenerator, Generator, Wanted
from tasks.synthesize.journal import Moment
from tasks.synthesize.marked import write_marked
from tasks.synthesize.moments import begin, journal_of
from tasks.synthesize.orders import Order, image_key, plan, read_examples, seed_of
from tasks.tables import BALANCED


@dataclass(frozen=True)
class Places:
    """Where things stand.

    Attributes
    ----------
    raw
        The folder below which the rows' paths lie.
    folder
        Where ``synthetic.parquet``, ``images/``, ``losses.csv`` and ``summary.json`` go.
    told
        The file into which fits tell how far they are while they go on; None: nowhere.
    checkpoints
        Where they keep it, to go on from if all this is done again; None: nowhere.
    """

    raw: Path
    folder: Path
    told: Path | None = None
    checkpoints: Path | None = None


def synthesize(
    training: TrainingSet, generator: Generator, gates: Gates | None, *, seed: int, places: Places, workers: int
) -> pd.DataFrame:
    """Fit `generator` to each fold and write images, lineage, losses and a summary.

    Parameters
    ----------
    training
        The rows that a model may see.
    generator
        The generator with its parameters.
    gates
        What every image has to go through; None: nothing.
    seed
        Seed of the stage.
    places
        Where to read and write.
    workers
        How many folds are fitted at the same time, each in a process; the result doesn't depend on it.

    Returns
    -------
    pandas.DataFrame
        Table `BALANCED`, what was written to ``synthetic.parquet``.
    """
    orders = plan(training, generator.images, gates.surplus if gates else 0.0)
    generator = generator.planned(len(orders))
    specification: dict[str, Any] = {
        "generator": generator.name,
        **generator.model_dump(mode="json", exclude={"name", "images"}),  # the target count changes no image
        "seed": seed,
    }
    if places.told:
        begin(places.told)
    one = partial(_fulfil, generator=generator, specification=specification, classes=training.classes, places=places)
    made = list(each(one, orders, workers, chunk=1))
    rows = [row for order in made for row in order.rows]
    table = pd.DataFrame(rows, columns=BALANCED.schema.names) if rows else BALANCED.empty()
    if gates and rows:
        needed = plan(training, generator.images)
        wanted = {(order.fold, label): count for order in needed for label, count in order.counts.items()}
        table = let_through(table, wanted, training, places.raw, places.folder, gates)
    table = table.sort_values("row_id", ignore_index=True)
    BALANCED.write(table, places.folder / "synthetic.parquet")
    _losses(orders, made).to_csv(places.folder / "losses.csv", index=False, float_format="%.6f")
    write_json(places.folder / "summary.json", _summary(training, orders, table))
    say(f"{len(table):,} synthetic images from the models of {len(orders)} folds")
    return table


@dataclass(frozen=True)
class _Made:
    """What came of an order: rows of the table `BALANCED`, and what was told while its model was fitted."""

    rows: list[dict[str, Any]]
    moments: list[Moment]


def _fulfil(
    order: Order, generator: Generator, specification: Mapping[str, Any], classes: list[str], places: Places
) -> _Made:
    """Fit one fold's model and write its images.

    Raises
    ------
    ValueError
        An image names a parent that is no example of its class, or none at all.
    """
    examples = read_examples(order.rows, classes, order.fold, places.raw, generator.image_size)
    key, wishes = order.key(specification), list(order)
    say(f"{examples.where}: fitting to {len(examples.labels):,} images, then making {len(wishes):,}")
    moments: list[Moment] = []
    journal = journal_of(places.told, places.checkpoints, order.fold).heard_by(moments.append)
    fitted = generator.fit(examples, seed_of(key), journal)
    model, folder_of = fitted.digest, slugs(classes)
    of_class = order.rows.groupby("label")["image_id"].apply(list).to_dict()
    wishes = [(label, number) for label, number in wishes if number < _most(fitted, classes.index(label))]
    wanted = [Wanted(classes.index(label), seed_of(image_key(key, label, number))) for label, number in wishes]
    made, rows = Progress(fitted.sample(wanted), f"images of {examples.where}", len(wanted)), []
    for (label, number), image in zip(wishes, made, strict=True):
        row_id = image_key(key, label, number)[:16]
        parents = of_class[label] if image.parents is None else list(image.parents)
        if not parents or not set(parents) <= set(of_class[label]):
            raise ValueError(f"an image of {label!r} names parents that are no examples of its class: {parents}")
        about = {**image.parameters, **specification, "model": model, "number": number}
        file = f"images/{folder_of[label]}/{row_id}.png"
        marks = {"origin": "synthetic", "label": label, **about, "parents": parents}
        write_marked(places.folder / file, image.pixels, marks)
        rows.append(
            {
                "row_id": row_id,
                "label": label,
                "origin": "synthetic",
                "parents": parents,
                "operation": specification["generator"],
                "parameters": json.dumps(about, sort_keys=True),
                "file": file,
                "fold": order.fold,
                "fitted_on": examples.ids,
                "second_label": None,
                "second_share": None,
            }
        )
    return _Made(rows, moments)


def _most(fitted: FittedGenerator, label: int) -> float:
    most = fitted.most(label)
    return math.inf if most is None else most


def _losses(orders: Iterable[Order], made: Iterable[_Made]) -> pd.DataFrame:
    """`fold`, `step` (from 1), `name` of the loss and `loss`: its mean since the step before."""
    rows = [
        (order.fold, moment.step, name, value)
        for order, one in zip(orders, made, strict=True)
        for moment in one.moments
        for name, value in moment.losses.items()
    ]
    return pd.DataFrame(rows, columns=["fold", "step", "name", "loss"])


def _summary(training: TrainingSet, orders: list[Order], table: pd.DataFrame) -> dict[str, Any]:
    """Training rows and images made, a class and a fold."""
    of_class, of_fold = (table[column].value_counts() for column in ("label", "fold"))
    return {
        "classes": {
            label: {"training": count, "synthetic": int(of_class.get(label, 0))}
            for label, count in training.counts.items()
        },
        "folds": {
            str(order.fold): {"fitted_on": len(order.rows), "synthetic": int(of_fold.get(order.fold, 0))}
            for order in orders
        },
    }
