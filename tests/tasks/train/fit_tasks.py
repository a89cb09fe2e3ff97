"""Tasks to fit, for the tests."""

from __future__ import annotations

import typing

import numpy as np
import pytest

from tasks.params.models import Train
from tasks.registry import Part, parts
from tasks.train.families import FitTask
from tasks.train.losses import Loss
from tasks.train.mixing import Mixing
from tasks.train.mixing.none import Unmixed
from tasks.train.samplers import Sampler


def hard_task(
    features: np.ndarray,
    targets: np.ndarray,
    classes: int,
    loss: Loss,
    sampler: Sampler,
    settings: Train,
    seed: int,
    mixing: Mixing | None = None,
) -> FitTask:
    """Every row of one class."""
    share = np.ones(len(targets), dtype=np.float32)
    chosen = mixing or Unmixed()
    return FitTask(features, targets, targets, share, classes, loss, sampler, chosen, settings, seed)


def variants(package: str) -> list[Part]:
    """Every part of a kind, with its defaults and once with every choice of each parameter that is a choice."""
    found: list[Part] = []
    for part in parts(package).values():
        found.append(part())
        for name, field in part.model_fields.items():
            if typing.get_origin(field.annotation) is typing.Literal:
                found += [part(**{name: value}) for value in typing.get_args(field.annotation)]
    return found


def each(package: str):
    return pytest.mark.parametrize("part", variants(f"tasks.train.{package}"), ids=lambda part: repr(part))
