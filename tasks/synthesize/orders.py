"""What is asked of a generator: one model a fold, what it may see, and how many images of which class it makes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from tasks.files import json_digest
from tasks.images import open_rgb
from tasks.lineage import TrainingSet
from tasks.synthesize.generators import Examples


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

    def __iter__(self) -> Iterator[tuple[str, int]]:
        """The images that it makes: the class and the number of each."""
        for label, count in self.counts.items():
            for number in range(count):
                yield label, number

    def key(self, specification: Mapping[str, Any]) -> str:
        """A hash of all that decides its model: how it is fitted, and the content and labels that it sees."""
        seen = self.rows[["sha256", "label"]].sort_values("sha256").to_numpy().tolist()
        return json_digest([specification, seen])


def image_key(model_key: str, label: str, number: int) -> str:
    """A hash of all that decides one image of a model."""
    return json_digest([model_key, label, number])


def seed_of(key: str) -> int:
    """A seed that follows from a hash."""
    return int(key[:15], 16)  # below 2**63, which torch takes


def plan(training: TrainingSet, images: int, surplus: float = 0.0) -> list[Order]:
    """How many images of which class each fold's model makes.

    Every class smaller than the largest gets `images` new ones, but no more than it lacks, and a share of them in
    excess. They are shared out evenly
    over the folds in which the class occurs, because a model can't make what it never saw. Folds that make nothing are
    left out.
    """
    counts = training.counts
    lacking = {label: min(images, max(counts.values()) - count) for label, count in counts.items()}
    lacking = {label: math.ceil(number * (1 + surplus)) for label, number in lacking.items()}
    rows = training.rows
    shares: dict[int, dict[str, int]] = {int(fold): {} for fold in sorted(rows["fold"].unique())}
    for label, number in lacking.items():
        folds = sorted(int(fold) for fold in rows.loc[rows["label"] == label, "fold"].unique())
        for place, fold in enumerate(folds):
            share = number // len(folds) + (place < number % len(folds))
            if share:
                shares[fold][label] = share
    return [Order(fold, rows[rows["fold"] == fold], share) for fold, share in shares.items() if share]


def read_examples(rows: pd.DataFrame, classes: list[str], fold: int | None, raw: Path, image_size: int) -> Examples:
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
