"""One model a fold: what is made for which class, by a model that saw what, and where it is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from tasks.files import json_digest, write_json
from tasks.images import open_rgb
from tasks.lineage import TrainingSet
from tasks.parallel import each
from tasks.progress import say
from tasks.slugs import slugs
from tasks.synthesize.generators import Examples, Generator, Synthetic, Wanted
from tasks.tables import BALANCED


@dataclass(frozen=True)
class Order:
    """What one fold's model is fitted to and asked for.

    Attributes
    ----------
    fold
        The fold.
    rows
        The fold's rows of the training set; all that the model may see.
    counts
        New images a class.
    """

    fold: int
    rows: pd.DataFrame
    counts: dict[str, int]


def synthesize(
    training: TrainingSet,
    generator: Generator,
    *,
    image_size: int,
    seed: int,
    raw: Path,
    folder: Path,
    workers: int,
) -> pd.DataFrame:
    """Fit `generator` to each fold and write images, lineage and a summary.

    Parameters
    ----------
    training
        The rows that a model may see.
    generator
        The generator with its parameters.
    image_size
        Pixels a side, of what the models see and make.
    seed
        Seed of the stage.
    raw
        The folder below which the rows' paths lie.
    folder
        Where ``synthetic.parquet``, ``images/`` and ``summary.json`` go.
    workers
        How many folds are fitted at the same time, each in a process with one thread; the result doesn't depend on it.

    Returns
    -------
    pandas.DataFrame
        Table `BALANCED`, what was written to ``synthetic.parquet``.
    """
    orders = plan(training, generator.images)
    specification: dict[str, Any] = {
        "generator": generator.name,
        **generator.model_dump(mode="json", exclude={"name", "images"}),  # the target count changes no image
        "image_size": image_size,
        "seed": seed,
    }
    made = _fulfil(orders, generator, specification, training.classes, raw, workers)
    folder_of = slugs(training.classes)
    rows = []
    for order, images in zip(orders, made, strict=True):
        entries = list(_lineage(order, images, specification, folder_of))
        for entry, image in zip(entries, images, strict=True):
            path = folder / entry["file"]
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image.pixels).save(path)
        rows += entries
    table = pd.DataFrame(rows, columns=BALANCED.schema.names) if rows else BALANCED.empty()
    table = table.sort_values("row_id", ignore_index=True)
    BALANCED.write(table, folder / "synthetic.parquet")
    write_json(folder / "summary.json", _summary(training, orders))
    say(f"{len(table):,} synthetic images from the models of {len(orders)} folds")
    return table


def plan(training: TrainingSet, images: int) -> list[Order]:
    """How many images of which class each fold's model makes.

    Every class smaller than the largest gets `images` new ones, but no more than it lacks. They are shared out evenly
    over the folds in which the class occurs, because a model can't make what it never saw. Folds that make nothing are
    left out.
    """
    counts = training.counts
    lacking = {label: min(images, max(counts.values()) - count) for label, count in counts.items()}
    rows = training.rows
    shares: dict[int, dict[str, int]] = {int(fold): {} for fold in sorted(rows["fold"].unique())}
    for label, number in lacking.items():
        folds = sorted(int(fold) for fold in rows.loc[rows["label"] == label, "fold"].unique())
        for place, fold in enumerate(folds):
            share = number // len(folds) + (place < number % len(folds))
            if share:
                shares[fold][label] = share
    return [Order(fold, rows[rows["fold"] == fold], share) for fold, share in shares.items() if share]


def read_examples(rows: pd.DataFrame, classes: list[str], fold: int, raw: Path, image_size: int) -> Examples:
    """The images of `rows`, squashed to squares of `image_size` pixels.

    Raises
    ------
    InputError
        A file is gone or can't be read any more.
    """
    pixels = np.empty((len(rows), image_size, image_size, 3), dtype=np.uint8)
    for place, (path, depth) in enumerate(zip(rows["path"], rows["depth"], strict=True)):
        image = open_rgb(raw / path, depth)
        pixels[place] = np.asarray(image.resize((image_size, image_size), Image.Resampling.BILINEAR, reducing_gap=2))
    labels = np.array([classes.index(label) for label in rows["label"]], dtype=np.int64)
    return Examples(fold, pixels, labels, classes, rows["image_id"].tolist())


def _fulfil(
    orders: list[Order],
    generator: Generator,
    specification: dict[str, Any],
    classes: list[str],
    raw: Path,
    workers: int,
) -> Iterator[list[Synthetic]]:
    """The images of each order, in turn."""
    one = partial(_fulfil_one, generator=generator, specification=specification, classes=classes, raw=raw)
    return each(one, orders, workers, chunk=1)


def _fulfil_one(
    order: Order, generator: Generator, specification: dict[str, Any], classes: list[str], raw: Path
) -> list[Synthetic]:
    examples = read_examples(order.rows, classes, order.fold, raw, specification["image_size"])
    key = _model_key(order, specification)
    wanted = [Wanted(classes.index(label), _seed(_image_key(key, label, number))) for label, number in _numbered(order)]
    say(f"fold {order.fold}: fitting to {len(examples.labels):,} images, then making {len(wanted):,}")
    return generator.fit(examples, _seed(key)).sample(wanted)


def _numbered(order: Order) -> Iterator[tuple[str, int]]:
    for label, count in order.counts.items():
        for number in range(count):
            yield label, number


def _model_key(order: Order, specification: dict[str, Any]) -> str:
    """A hash of all that decides a fold's model: how it is fitted, and the content and labels that it sees."""
    seen = order.rows[["sha256", "label"]].sort_values("sha256").to_numpy().tolist()
    return json_digest([specification, seen])


def _image_key(model_key: str, label: str, number: int) -> str:
    """A hash of all that decides one image."""
    return json_digest([model_key, label, number])


def _seed(key: str) -> int:
    return int(key[:15], 16)  # below 2**63, which torch takes


def _lineage(
    order: Order, images: list[Synthetic], specification: dict[str, Any], folder_of: dict[str, str]
) -> Iterator[dict[str, Any]]:
    """The rows of the table `BALANCED` for one fold's images, in the order in which they were made.

    Raises
    ------
    ValueError
        An image names a parent that is no example of its class, or none at all.
    """
    seen = order.rows["image_id"].tolist()
    of_class = order.rows.groupby("label")["image_id"].apply(list).to_dict()
    key = _model_key(order, specification)
    for (label, number), image in zip(_numbered(order), images, strict=True):
        row_id = _image_key(key, label, number)[:16]
        parents = of_class[label] if image.parents is None else list(image.parents)
        if not parents or not set(parents) <= set(of_class[label]):
            raise ValueError(f"an image of {label!r} names parents that are no examples of its class: {parents}")
        yield {
            "row_id": row_id,
            "label": label,
            "origin": "synthetic",
            "parents": parents,
            "operation": specification["generator"],
            "parameters": json.dumps({**image.parameters, **specification, "number": number}, sort_keys=True),
            "file": f"images/{folder_of[label]}/{row_id}.png",
            "fold": order.fold,
            "fitted_on": seen,
            "second_label": None,
            "second_share": None,
        }


def _summary(training: TrainingSet, orders: list[Order]) -> dict[str, Any]:
    made = {label: sum(order.counts.get(label, 0) for order in orders) for label in training.classes}
    return {
        "classes": {label: {"training": training.counts[label], "synthetic": made[label]} for label in made},
        "folds": {
            str(order.fold): {"fitted_on": len(order.rows), "synthetic": sum(order.counts.values())} for order in orders
        },
    }
