"""What a generator tells while it is fitted: lines of JSON and grids of images, in a folder that git and DVC ignore.

Whoever wants to follow a long fit reads it as it grows. The final losses are an output of the stage.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass, field
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tasks.files import write_bytes
from tasks.json_lines import append_line, read_lines
from tasks.synthesize.journal import Journal, Moment
from tasks.workspace import STATE

LINES = "told.jsonl"
COLUMNS, GAP = 8, 2  # of a grid: images beside one another, and pixels between them
LARGER = 56  # pixels a side that an image of a grid has at least, by repeating its own


@dataclass(frozen=True)
class Told:
    """A line: how far the fit of one fold is, or a grid of images that its model makes by then.

    Attributes
    ----------
    fold
        None for a fit to all training rows.
    step, steps
        The number of the step, from 1, and how many the fit has; of a grid no steps.
    losses
        By name.
    grid
        The file's name, beside the lines.
    """

    fold: int | None
    step: int
    steps: int | None = None
    losses: dict[str, float] = field(default_factory=dict)
    grid: str | None = None

    def __str__(self) -> str:
        where = "all training rows" if self.fold is None else f"fold {self.fold}"
        if self.grid:
            return f"step {self.step:,}, images in {self.grid} ({where})"
        losses = ", ".join(f"{name} {value:.4f}" for name, value in self.losses.items())
        return f"step {self.step:,} of {self.steps:,}, {losses} ({where})"


def told_file(root: Path, generator: str) -> Path:
    """Where the workspace at `root` keeps what the last fits of a generator told; their grids stand beside it."""
    return root / STATE / "fits" / generator / LINES


def begin(file: Path) -> None:
    """Take away what earlier fits told."""
    shutil.rmtree(file.parent, ignore_errors=True)
    file.parent.mkdir(parents=True)


def journal_of(file: Path | None, checkpoints: Path | None, fold: int | None) -> Journal:
    """The journal of a fold's fit, which tells into `file` and keeps its state below `checkpoints`."""
    own = checkpoints and checkpoints / _name(fold)
    if own:
        own.mkdir(parents=True, exist_ok=True)
    if file is None:
        return Journal(own)
    return Journal(own, told=partial(_tell, file, fold), shown=partial(_show, file, fold))


def read_told(file: Path, start: int = 0) -> tuple[list[Told], int]:
    """The lines that are whole, from a place in the file on, and the place from which to read on."""
    lines, place = read_lines(file, start)
    return [Told(**line) for line in lines], place


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


def _name(fold: int | None) -> str:
    return "all" if fold is None else f"fold{fold}"


def _tell(file: Path, fold: int | None, moment: Moment) -> None:
    append_line(file, asdict(Told(fold, moment.step, moment.steps, moment.losses)))


def _show(file: Path, fold: int | None, step: int, images: NDArray[np.uint8]) -> None:
    content = BytesIO()
    grid(images).save(content, format="png")
    name = f"{_name(fold)}-step{step:08d}.png"
    write_bytes(file.with_name(name), content.getvalue())
    append_line(file, asdict(Told(fold, step, grid=name)))
