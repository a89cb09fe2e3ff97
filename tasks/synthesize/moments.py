"""What a generator tells while it is fitted: lines of JSON and grids of images, in a folder that git and DVC ignore.

Whoever wants to follow a long fit reads it as it grows. The final losses are an output of the stage.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tasks.files import write_bytes
from tasks.synthesize.journal import Journal, Moment
from tasks.workspace import STATE

LOSSES = "losses.jsonl"
COLUMNS, GAP = 8, 2  # of a grid: images beside one another, and pixels between them
LARGER = 56  # pixels a side that an image of a grid has at least, by repeating its own


@dataclass(frozen=True)
class Told:
    """A moment of the fit of one fold."""

    fold: int | None
    step: int
    steps: int
    losses: dict[str, float]


def told_folder(root: Path, generator: str) -> Path:
    """Where the workspace at `root` keeps what the last fits of a generator told."""
    return root / STATE / "fits" / generator


def begin(folder: Path) -> None:
    """Take away what earlier fits told."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def journal_of(folder: Path | None, checkpoints: Path | None, fold: int | None) -> Journal:
    """The journal of a fold's fit, which tells into `folder` and keeps its state below `checkpoints`."""
    name = "all" if fold is None else f"fold {fold}"
    own = checkpoints and checkpoints / name.replace(" ", "")
    if own:
        own.mkdir(parents=True, exist_ok=True)
    if folder is None:
        return Journal(own)
    told, shown = partial(_append, folder / LOSSES, fold), partial(_show, folder, name.replace(" ", ""))
    return Journal(own, told=told, shown=shown)


def read_told(file: Path) -> list[Told]:
    """The moments whose lines are whole."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return []
    return [Told(**json.loads(line)) for line in content[: content.rfind(b"\n") + 1].splitlines()]


def grid(images: NDArray[np.uint8]) -> Image.Image:
    """Images, (n, side, side, 3), beside and below one another, on white."""
    number, side = images.shape[:2]
    times = max(1, -(-LARGER // side))
    images, side = images.repeat(times, axis=1).repeat(times, axis=2), side * times
    across = min(COLUMNS, number)
    down = -(-number // across)
    sheet = np.full((down * (side + GAP) - GAP, across * (side + GAP) - GAP, 3), 255, dtype=np.uint8)
    for place, image in enumerate(images):
        top, left = place // across * (side + GAP), place % across * (side + GAP)
        sheet[top : top + side, left : left + side] = image
    return Image.fromarray(sheet)


def _append(file: Path, fold: int | None, moment: Moment) -> None:
    told = Told(fold, moment.step, moment.steps, moment.losses)
    with file.open("a", encoding="utf-8") as out:
        out.write(json.dumps(asdict(told)) + "\n")


def _show(folder: Path, name: str, step: int, images: NDArray[np.uint8]) -> None:
    content = BytesIO()
    grid(images).save(content, format="png")
    write_bytes(folder / f"{name}-step{step:08d}.png", content.getvalue())
