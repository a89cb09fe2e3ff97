"""Fits on images for the tests of the family `finetune`; as a script one fit, which a test may kill.

    python image_fits.py FOLDER OUT

trains with checkpoints in FOLDER and writes the weights to OUT.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tasks.inputs import Inputs
from tasks.train.families import Components, Fit, Log
from tasks.train.families.finetune import Finetune, FittedNetwork
from tasks.train.losses.cross_entropy import CrossEntropy
from tasks.train.losses.weighted_cross_entropy import WeightedCrossEntropy
from tasks.train.mixing.mixup import Mixup
from tasks.train.mixing.none import Unmixed
from tasks.train.rows import Rows
from tasks.train.samplers.class_balanced import ClassBalanced
from tasks.train.samplers.natural import Natural
from tasks.train.schedules.constant import Unscheduled
from tasks.train.schedules.deferred import Deferred

TINY: dict[str, Any] = {"network": {"name": "resnet", "depth": 8}, "image_size": 16, "epochs": 6, "batch_size": 16}
KILLED = TINY | {"epochs": 60, "ema": 0.9, "optimiser": "adamw", "learning_rate": 0.01, "augment": {"colour": 0.2}}
KILLED_WITH: dict[str, Any] = {
    "loss": WeightedCrossEntropy(),
    "sampler": ClassBalanced(),
    "mixing": Mixup(),
    "schedule": Deferred(start=0.1, mixing=True),  # its last phase begins after six of 60 epochs
}
COUNTS = (30, 20, 10)


class Pictures:
    """A source of noisy pictures in which a class has its own colour; an id is ``class-number``."""

    def images(self, ids: Sequence[str], size: int, resize: str) -> np.ndarray:
        made = [picture(*map(int, name.split("-")), size) for name in ids]
        return np.array(made, dtype=np.uint8).reshape(-1, size, size, 3)


def picture(code: int, number: int, size: int = 16) -> np.ndarray:
    """One picture, shape (size, size, 3)."""
    pixels = np.random.default_rng((code, number)).normal(90, 25, (size, size, 3))
    pixels[..., code % 3] += 70
    pixels[: size // 2, :, 0] += 10 * (code // 3)
    return pixels.clip(0, 255).astype(np.uint8)


def rows_of(counts: Sequence[int], first: int = 0) -> Rows:
    """Rows of one class each; numbers of pictures count from `first`."""
    ids = [f"{code}-{first + number}" for code, count in enumerate(counts) for number in range(count)]
    targets = np.repeat(np.arange(len(counts)), counts)
    return Rows(ids, [f"class {code}" for code in range(len(counts))], targets, targets, np.ones(len(ids), np.float32))


def inputs_of(rows: Rows) -> Inputs:
    return Inputs(rows.ids, Pictures())


def fit_of(
    counts: Sequence[int] = COUNTS, seed: int = 0, folder: Path | None = None, first: int = 0, **components: Any
) -> Fit:
    """A fit to be made, with cross-entropy and nothing else but what is named."""
    rows = rows_of(counts, first)
    made = Components(
        **{"loss": CrossEntropy(), "sampler": Natural(), "mixing": Unmixed(), "schedule": Unscheduled()} | components
    )
    return Fit(rows, inputs_of(rows), made, seed, None, Log(), folder)


def fitted(fit: Fit | None = None, settings: dict[str, Any] = TINY, **others: Any) -> FittedNetwork:
    [made] = Finetune(**settings | others).fit_all([fit or fit_of()])
    return made


def saved(made: FittedNetwork, folder: Path) -> bytes:
    """What a model writes."""
    folder.mkdir(exist_ok=True)
    made.save(folder)
    [file] = folder.iterdir()
    return file.read_bytes()


if __name__ == "__main__":
    checkpoints, out = map(Path, sys.argv[1:])
    out.write_bytes(saved(fitted(fit_of(folder=checkpoints, **KILLED_WITH), KILLED), out.with_suffix(".folder")))
