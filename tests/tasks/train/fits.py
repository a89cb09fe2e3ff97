"""Fits on arrays, for the tests: what a family is given and gives back, without tables and files."""

from __future__ import annotations

import typing
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import torch

from tasks.features import Features
from tasks.inputs import Inputs, StoredSource
from tasks.registry import Component, components
from tasks.train.families import Components, Family, Fitted, Log
from tasks.train.losses import Loss
from tasks.train.mixing import Mixing
from tasks.train.mixing.none import Unmixed
from tasks.train.rows import Rows
from tasks.train.samplers import Sampler
from tasks.train.schedules import Schedule
from tasks.train.schedules.constant import Unscheduled


class Tables(dict):
    """The same tables of features for every backbone and fold."""

    def __init__(self, *tables: Features) -> None:
        self.tables = list(tables)

    def __missing__(self, key: tuple[str, int | None]) -> list[Features]:
        return self.tables


class Drawn(StoredSource):
    """Features, and for families on images a picture of each row of them."""

    def images(self, ids: Sequence[str], size: int, resize: str) -> np.ndarray:
        return pictures(self.features(ids, "toy", None), size)


def pictures(features: np.ndarray, size: int) -> np.ndarray:
    """A picture a row: its first features are the colour, the others change the brightness of strips."""
    colour, others = features[:, None, None, :3], features[:, 3:]
    strips = (
        others[:, np.arange(size) * others.shape[1] // size] if others.shape[1] else np.zeros((len(features), size))
    )
    made = 100 + 25 * colour + 5 * strips[:, :, None, None] + np.zeros((1, size, size, 3))
    return made.clip(0, 255).astype(np.uint8)


def inputs_of(*tables: Features) -> Inputs:
    """Inputs that know the ids of some tables of features, whatever the backbone."""
    return Inputs([], Drawn(Tables(*tables)))


def as_inputs(features: np.ndarray) -> Inputs:
    """Rows of features, named by their numbers."""
    ids = [str(row) for row in range(len(features))]
    return inputs_of(Features(ids, features)).take(ids)


@dataclass
class Made:
    """A fitted model and what it told."""

    fitted: Fitted
    family: Family
    log: Log

    @property
    def losses(self) -> list[float]:
        return self.log.losses

    @property
    def state(self) -> dict[str, np.ndarray]:
        """The arrays of a head."""
        return dict(self.fitted.arrays)

    @property
    def files(self) -> dict[str, bytes]:
        """What the model saves, by name."""
        with TemporaryDirectory() as folder:
            self.fitted.save(Path(folder))
            return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}

    def loaded(self) -> Made:
        """The model saved and read again."""
        with TemporaryDirectory() as folder:
            self.fitted.save(Path(folder))
            return Made(self.family.load(Path(folder), self.fitted.prior, None), self.family, self.log)

    def predict(self, features: np.ndarray) -> np.ndarray:
        return self.fitted.predict(as_inputs(features)).values


@dataclass
class Task:
    """What one model is fitted from."""

    features: np.ndarray
    targets: np.ndarray
    second: np.ndarray
    share: np.ndarray
    classes: int
    loss: Loss
    sampler: Sampler
    mixing: Mixing = field(default_factory=Unmixed)
    schedule: Schedule = field(default_factory=Unscheduled)
    settings: dict[str, Any] = field(default_factory=dict)
    seed: int = 0

    @property
    def rows(self) -> Rows:
        ids = [str(row) for row in range(len(self.targets))]
        names = [f"class {number}" for number in range(self.classes)]
        return Rows(ids, names, self.targets, self.second, self.share)

    @property
    def counts(self) -> np.ndarray:
        return self.mixing.effective_counts(self.rows.drawn(self.sampler))

    def fit(self, family: Family) -> Made:
        """Fit `family` with those of the settings that are its own, and only the components that it takes."""
        family, log = self.set_up(family), Log()
        components = Components(self.loss, self.sampler, self.mixing, self.schedule)
        return Made(family.fit(self.rows, as_inputs(self.features), components, self.seed, None, log), family, log)

    def set_up(self, family: Family) -> Family:
        """The family with those of the settings that are its own."""
        own = {name: value for name, value in self.settings.items() if name in type(family).model_fields}
        backbone = "toy" if family.inputs == "features" else "none"
        return family.model_copy(update=own | {"backbone": backbone})


def hard_task(
    features: np.ndarray,
    targets: np.ndarray,
    classes: int,
    loss: Loss,
    sampler: Sampler,
    settings: dict[str, Any],
    seed: int,
    mixing: Mixing | None = None,
) -> Task:
    """Every row of one class."""
    share = np.ones(len(targets), dtype=np.float32)
    return Task(
        features, targets, targets, share, classes, loss, sampler, mixing or Unmixed(), settings=settings, seed=seed
    )


def variants(package: str, without: Sequence[str] = ()) -> list[Component]:
    """Every component of a kind, with its defaults and once with every choice of each setting that is a choice.

    What asks for a GPU is one only where there is one.
    """
    found: list[Component] = []
    for name, component in components(package).items():
        if name in without:
            continue
        found.append(component())
        for setting, about in component.model_fields.items():
            if setting != "name" and typing.get_origin(about.annotation) is typing.Literal:
                made = [component(**{setting: value}) for value in typing.get_args(about.annotation)]
                found += [one for one in made if one not in found]
    if not torch.cuda.is_available():
        found = [one for one in found if getattr(one, "device", "cpu") == "cpu"]
    return found


def each(package: str, without: Sequence[str] = ()):
    return pytest.mark.parametrize("component", variants(f"tasks.train.{package}", without), ids=repr)
