"""Fitting heads with several seeds together: each has its own start, order of rows and weights.

A step of one small head is mostly the time that Python and torch need to say what is to be done; saying it for all
seeds at once saves a third. Products of rows and weights are made seed by seed, so a seed's bits are its own, whoever
is fitted beside it. Heads of one seed see the same rows, of which one product serves all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from tasks.statistics.scaling import BoundedStandardisation
from tasks.train.adamw import AdamW
from tasks.train.course import Course, Phase
from tasks.train.dense import SCALE, forward, initial_weights
from tasks.train.heads.second import second_stage
from tasks.train.labels import Labels, joined
from tasks.train.made_rows import with_made_rows

if TYPE_CHECKING:
    from torch import Tensor

    from tasks.train.families import Fit
    from tasks.train.heads.settings import Settings


@dataclass(frozen=True)
class Fitting:
    """What the fits of one set of rows came to.

    Attributes
    ----------
    prior
        Shape (K,): the effective prior that each has learnt.
    arrays
        A fit each: its weights and biases (`tasks.train.dense`), and what its features' `BoundedStandardisation` is
        made of, float32.
    """

    prior: NDArray[np.float64]
    arrays: list[dict[str, NDArray[np.float32]]]


def fit_together(heads: Sequence[Settings], backbone: str, fits: Sequence[Fit]) -> Fitting:
    """Fit heads for several seeds, or with several learning rates and weight decays.

    Parameters
    ----------
    heads
        What is set of each head; alike but for rates and decays.
    backbone
        Whose features are asked for.
    fits
        One a head, of the same rows, inputs and components; of one seed where the sampler makes rows, which hang on it.
    """
    settings = heads[0]
    torch.set_num_threads(1)
    torch.set_deterministic_debug_mode("error")  # the other switch for it imports the compiler, 2 s
    first = fits[0]
    values = first.inputs.features(backbone, first.fold)
    values, rows = with_made_rows(values, first.rows, first.components.sampler, first.seed, first.log)
    course = Course(first.components, rows, len(first.rows), settings.steps)
    standard = BoundedStandardisation.of(values)
    features = torch.from_numpy(standard(values))
    labels = Labels.of(rows.first, rows.second, rows.share)
    start = course.phase(0).start
    weights = _started(settings, [one.seed for one in fits], features.shape[1], start)
    learnt = [name for name in weights if name not in _known(settings)]
    leaves = [weights[name].requires_grad_() for name in learnt]
    decayed = [name.startswith("weight") for name in learnt]
    rates, decays = (_of_each([getattr(one, name) for one in heads]) for name in ("learning_rate", "weight_decay"))
    optimiser = AdamW(leaves, rates, decays, settings.steps, decayed)
    seeds = list(dict.fromkeys(one.seed for one in fits))
    drawn_as = [seeds.index(one.seed) for one in fits]  # heads of one seed, which are neighbours, see the same batches
    orders = [np.random.default_rng(seed) for seed in seeds]
    chances = [np.random.default_rng((seed, 1)) for seed in seeds]  # their own, so that mixing leaves the order

    def move_to(asked: NDArray[np.float64]) -> None:
        """Move output biases by what a phase asks of them more than the one before: few late steps would not."""
        nonlocal start
        weights[_last_biases(settings)].data.add_(features.new_tensor(asked - start))
        start = asked

    def losses_of(batches: Sequence[Tensor], phase: Phase) -> Tensor:
        """The loss of every row, shape (seeds, rows); a function, so that memory is free before the next batches."""
        alike = [drawn_as.count(draw) for draw in range(len(seeds))]
        parts = {name: torch.split(value, alike) for name, value in weights.items()}
        seen = [
            phase.mix(features.index_select(0, batch), labels.take(batch), chance)
            for batch, chance in zip(batches, chances, strict=True)
        ]
        outputs = [
            forward({name: part[draw] for name, part in parts.items()}, rows).flatten(0, 1)
            for draw, (rows, _) in enumerate(seen)
        ]
        return phase.loss(joined([seen[draw][1] for draw in drawn_as]), torch.cat(outputs)).view(len(fits), -1)

    while optimiser.done < settings.steps:
        phase = course.phase(optimiser.done)
        move_to(phase.start)
        drawn = [torch.from_numpy(phase.epoch(order))[: phase.steps * settings.batch_size] for order in orders]
        totals = np.zeros(len(fits))
        for batches in zip(*(torch.split(epoch, settings.batch_size) for epoch in drawn), strict=True):
            per_row = losses_of(batches, phase)
            optimiser.step(per_row.mean(1).sum())
            totals += [float(own.sum()) for own in per_row.detach().numpy()]
        for one, total in zip(fits, totals, strict=True):
            one.log.end_epoch(total / len(drawn[0]))
    move_to(course.phase(settings.steps).start)
    of_fits = [{name: value[number].detach().numpy() for name, value in weights.items()} for number in range(len(fits))]
    ended = [
        second_stage(settings.second_stage, own, course.prior, features, rows, one)
        for own, one in zip(of_fits, fits, strict=True)
    ]
    return Fitting(ended[0][1], [own | vars(standard) for own, _ in ended])  # a prior hangs on no seed


def _started(settings: Settings, seeds: Sequence[int], inputs: int, start: NDArray[np.float64]) -> dict[str, Tensor]:
    """The first weights of every seed, by name, along a first axis."""
    sizes = [inputs, *([settings.hidden] if settings.hidden else []), len(start)]
    each = [initial_weights(sizes, start, seed, settings.first_scale) for seed in seeds]
    return {name: torch.stack([own[name] for own in each]) for name in each[0]}


def _of_each(values: list[float]) -> float | Tensor:
    """The number that all have, or those of each."""
    return values[0] if len(set(values)) == 1 else torch.tensor(values)


def _known(settings: Settings) -> set[str]:
    """Names of what doesn't learn."""
    if settings.classifier != "cosine":
        return set()
    biases = {_last_biases(settings)}  # cosines have none to learn
    return biases | {SCALE} if settings.scale else biases


def _last_biases(settings: Settings) -> str:
    return f"bias{1 if settings.hidden else 0}"
