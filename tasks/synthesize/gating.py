"""Images of a generator before the gates: what they drop goes, what they found is written beside what is left."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from tasks.features.backbones import Backbone
from tasks.features.embedding import embed_pixels
from tasks.files import write_json
from tasks.lineage import TrainingSet
from tasks.progress import say
from tasks.slugs import slugs
from tasks.synthesize import SHEETS
from tasks.synthesize.gates.images import Made, Real
from tasks.synthesize.gates.judge import Judged, judge
from tasks.synthesize.gates.settings import Selection
from tasks.synthesize.gates.sheet import copies_sheet, nearest_sheet
from tasks.synthesize.gates.wording import lines
from tasks.synthesize.orders import read_examples

COPIES = "near copies"  # the name of a picture: no class has such a slug
SPARE = "spare"  # the reason of what was made in excess and not needed


@dataclass(frozen=True)
class Gates:
    """How images are judged.

    Attributes
    ----------
    backbone
        In whose features.
    selection
        What is kept.
    max_size
        The most images that show one thing: `group.max_size` of `params.yaml`.
    surplus
        Share of images made in excess, for those that are dropped.
    workers
        Number of processes; changes time only.
    """

    backbone: Backbone
    selection: Selection
    max_size: int
    surplus: float = 0.0
    workers: int = 1


def let_through(
    made: pd.DataFrame,
    wanted: Mapping[tuple[int, str], int],
    training: TrainingSet,
    raw: Path,
    folder: Path,
    gates: Gates,
) -> pd.DataFrame:
    """The rows that are kept; the files of others are deleted, and ``gates.json`` and ``dropped.csv`` written.

    Parameters
    ----------
    made
        Rows of the table `BALANCED`, one at least, whose files stand below `folder`.
    wanted
        How many images of a fold and class are needed; the first by number of those that the gates keep are taken.
    training
        All training rows.
    raw
        The folder below which the rows' paths lie.
    folder
        Where the generator's files stand.
    gates
        How.
    """
    made = made.sort_values("row_id", ignore_index=True)
    pixels = np.stack([_read(folder / file) for file in made["file"]])
    side = pixels.shape[1]
    real_pixels = read_examples(training.rows, training.classes, None, raw, side).pixels
    say(f"the gates compare {len(made):,} images with {len(real_pixels):,} real ones of {side} pixels")
    real = _real(training, real_pixels, embed_pixels(real_pixels, gates.backbone, gates.workers))
    new = _made(made, pixels, embed_pixels(pixels, gates.backbone, gates.workers))
    judged = judge(new, real, gates.selection, max_size=gates.max_size, workers=gates.workers)
    for line in lines(judged):
        say(line)
    _draw(new, real, judged, training.classes, folder / SHEETS)
    reasons = _with_spares(made, judged, wanted)
    is_kept = reasons == ""
    for file in made.loc[~is_kept, "file"]:
        (folder / file).unlink()
    dropped = made.loc[~is_kept, ["row_id", "label", "fold"]].assign(reason=reasons[~is_kept])
    dropped.to_csv(folder / "dropped.csv", index=False)
    write_json(folder / "gates.json", {"backbone": gates.backbone.name, **judged.as_json()})
    return made[is_kept].reset_index(drop=True)


def _with_spares(made: pd.DataFrame, judged: Judged, wanted: Mapping[tuple[int, str], int]) -> NDArray[np.str_]:
    """Why each image is dropped; empty where it is kept."""
    reasons = judged.selected.reasons.copy()
    numbers = np.array([number_of(parameters) for parameters in made["parameters"]])
    for (fold, label), most in wanted.items():
        own = np.flatnonzero((made["fold"] == fold) & (made["label"] == label) & (reasons == ""))
        reasons[own[np.argsort(numbers[own], kind="stable")][most:]] = SPARE
    return reasons


def number_of(parameters: str) -> int:
    """Which of its model's images of a class one is, by what its lineage holds."""
    return int(json.loads(parameters)["number"])


def _draw(made: Made, real: Real, judged: Judged, classes: list[str], folder: Path) -> None:
    """Of each class the synthetic images nearest to real ones; and near-copies beside their sources."""
    folder.mkdir()
    place = slugs(classes)
    for label in judged.classes:
        nearest_sheet(made, real, judged, label).save(folder / f"{place[label]}.png", optimize=True)
    copies = copies_sheet(made, real, judged)
    if copies:
        copies.save(folder / f"{COPIES}.png", optimize=True)


def _read(file: Path) -> NDArray[np.uint8]:
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB"))


def _real(training: TrainingSet, pixels: NDArray[np.uint8], features: NDArray[np.float32]) -> Real:
    rows = training.rows
    texts: dict[str, Any] = {
        name: rows[column].to_numpy(dtype=str)
        for name, column in (("ids", "image_id"), ("labels", "label"), ("groups", "group"))
    }
    return Real(**texts, folds=rows["fold"].to_numpy(dtype=np.int64), pixels=pixels, features=features)


def _made(made: pd.DataFrame, pixels: NDArray[np.uint8], features: NDArray[np.float32]) -> Made:
    sets: dict[tuple[str, ...], frozenset[str]] = {}
    fitted_on = [sets.setdefault(key := tuple(ids), frozenset(key)) for ids in made["fitted_on"]]
    return Made(
        ids=made["row_id"].to_numpy(dtype=str),
        labels=made["label"].to_numpy(dtype=str),
        parents=made["parents"].tolist(),
        fitted_on=fitted_on,
        folds=made["fold"].to_numpy(dtype=np.int64),
        pixels=pixels,
        features=features,
    )
