"""Whole networks under a schedule: what is in effect in each of their steps, and how a killed fit goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from image_fits import TINY, Pictures, fit_of, fitted, saved
from numpy.testing import assert_allclose, assert_array_equal

from tasks.inputs import Inputs
from tasks.train.families import Fit
from tasks.train.families.finetune import Finetune
from tasks.train.finetuning.checkpoints import facts
from tasks.train.finetuning.training import Training
from tasks.train.losses.weighted_cross_entropy import WeightedCrossEntropy
from tasks.train.mixing.mixup import Mixup
from tasks.train.samplers.class_balanced import ClassBalanced
from tasks.train.samplers.square_root import SquareRoot
from tasks.train.schedules.constant import Unscheduled
from tasks.train.schedules.deferred import Deferred
from tasks.train.schedules.progressive import Progressive

EPOCH = 4  # steps of an epoch of TINY, which has 6
EVERYTHING = {"loss": WeightedCrossEntropy(), "sampler": SquareRoot(), "mixing": Mixup()}


def weights_by_step(fit: Fit, **settings: Any) -> list[dict[str, torch.Tensor]]:
    """The network after every step."""
    training = Training(Finetune(**TINY | settings), fit)
    return [{name: value.clone() for name, value in training.whole.state_dict().items()} for _ in training.run()]


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, other[name]) for name, value in one.items())


@pytest.mark.parametrize("start", [0.5, 0.4, 0.8, 0.01])
@pytest.mark.parametrize(
    "remedies",
    [
        {"loss": WeightedCrossEntropy()},
        {"sampler": ClassBalanced()},
        {"loss": WeightedCrossEntropy(weights="effective_number"), "sampler": SquareRoot()},
    ],
    ids=repr,
)
def test_a_deferred_strategy_equals_a_plain_one_until_its_start(remedies: dict[str, Any], start: float) -> None:
    plain = weights_by_step(fit_of())
    late = weights_by_step(fit_of(**remedies, schedule=Deferred(start=start)))
    assert len(plain) == len(late) == 6 * EPOCH
    first = int(np.ceil(start * 6 * EPOCH))
    assert [same(one, other) for one, other in zip(plain, late, strict=True)] == [
        step < first for step in range(6 * EPOCH)
    ]


def test_mixing_ends_at_the_start_of_the_last_phase() -> None:
    ends = Deferred(weights=False, sampler=False, mixing=True, start=0.5)
    mixed, late = weights_by_step(fit_of(mixing=Mixup())), weights_by_step(fit_of(mixing=Mixup(), schedule=ends))
    assert [same(*pair) for pair in zip(mixed, late, strict=True)] == [step < 12 for step in range(24)]


class Noting(Pictures):
    """Pictures that keep by which ids they were asked for."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def images(self, ids: Sequence[str], size: int, resize: str) -> np.ndarray:
        self.asked.append(list(ids))
        return super().images(ids, size, resize)


def classes_by_step(**changes: Any) -> list[np.ndarray]:
    """The classes of each step's rows."""
    source, fit = Noting(), fit_of((90, 20, 10))
    fit = replace(fit, inputs=Inputs(fit.rows.ids, source), components=replace(fit.components, **changes))
    training = Training(Finetune(**TINY | {"epochs": 20, "learning_rate": 0.001}), fit)
    assert training.seen.digest  # read once before
    source.asked.clear()
    list(training.run())
    return [np.array([int(name.split("-")[0]) for name in asked]) for asked in source.asked]


def test_the_sampler_draws_from_its_start_on_and_before_it_every_row_once_an_epoch() -> None:
    steps = classes_by_step(sampler=ClassBalanced(), schedule=Deferred(start=0.5))
    assert len(steps) == 160
    for epoch in range(10):
        assert_array_equal(np.bincount(np.concatenate(steps[8 * epoch :][:8])), [90, 20, 10])
    drawn = np.bincount(np.concatenate(steps[80:])) / 1200
    assert_allclose(drawn, 1 / 3, atol=0.06)  # four standard errors


def test_progressive_sampling_goes_from_the_rows_to_the_sampler_an_epoch_at_a_time() -> None:
    steps = classes_by_step(sampler=ClassBalanced(), schedule=Progressive())
    epochs = [np.bincount(np.concatenate(steps[8 * epoch :][:8]), minlength=3) / 120 for epoch in range(20)]
    natural = np.array([90, 20, 10]) / 120
    assert_allclose(epochs[0], natural)
    for part in range(1, 4):  # five epochs each; the share of draws by the formula, on average over them
        progress = np.mean([epoch / 20 for epoch in range(5 * part, 5 * part + 5)])
        expected = (1 - progress) * natural + progress / 3
        assert_allclose(np.mean(epochs[5 * part :][:5], axis=0), expected, atol=0.08)


@pytest.mark.parametrize("ema", [0.0, 0.99])
@pytest.mark.parametrize("start", [0.4, 0.8, 0.99])
@pytest.mark.parametrize(
    "changes",
    [
        {"loss": WeightedCrossEntropy()},
        {"sampler": SquareRoot()},
        {"loss": WeightedCrossEntropy(weights="inverse_sqrt")},
    ],
    ids=repr,
)
def test_the_prior_is_that_of_the_last_phase_and_biases_are_moved_to_it(
    changes: dict[str, Any], start: float, ema: float
) -> None:
    """At a rate that moves nothing by itself; the moving average of the weights goes along."""
    made = fitted(fit_of(**changes, schedule=Deferred(start=start)), learning_rate=1e-12, ema=ema)
    assert_allclose(made.prior, fitted(fit_of(**changes), epochs=1).prior)
    assert_allclose(made.state["scores.2.bias"].numpy(), np.log(made.prior), rtol=1e-4, atol=1e-5)


def test_biases_go_along_with_progressive_sampling() -> None:
    made = fitted(fit_of(sampler=ClassBalanced(), schedule=Progressive()), learning_rate=1e-12)
    assert_allclose(made.prior, [1 / 3] * 3)
    assert_allclose(made.state["scores.2.bias"].numpy(), np.log(1 / 3), rtol=1e-4)


@pytest.mark.parametrize("ema", [0.0, 0.9])
@pytest.mark.parametrize(
    "schedule",
    [Unscheduled(), Progressive(), Deferred(start=0.4), Deferred(start=0.5, mixing=True)],
    ids=repr,
)
def test_a_scheduled_fit_that_goes_on_ends_with_the_same_bytes(tmp_path: Path, schedule: Any, ema: float) -> None:
    """Left in the midst of an epoch, at its end, before and after the start (steps 10 and 12) of the last phase."""
    fit = fit_of(**EVERYTHING, schedule=schedule)
    expected = saved(fitted(fit, ema=ema), tmp_path / "expected")
    for steps in (1, 4, 9, 10, 11, 12, 13, 23):
        folder = tmp_path / f"after-{steps}"
        begun = Training(Finetune(**TINY | {"ema": ema}), fit_of(folder=folder, **EVERYTHING, schedule=schedule))
        for number, _ in enumerate(begun.run(), start=1):
            if number == steps:
                break
        assert int(facts(folder).get("epoch", 0)) == (steps - 1) // EPOCH
        again = fit_of(folder=folder, **EVERYTHING, schedule=schedule)
        assert saved(fitted(again, ema=ema), tmp_path / f"end-{steps}") == expected
        assert again.log.losses == fit.log.losses


def test_a_checkpoint_of_another_schedule_is_not_taken(tmp_path: Path) -> None:
    for schedule in (Deferred(start=0.4), Deferred(start=0.5), Unscheduled()):
        fit = fit_of(folder=tmp_path, **EVERYTHING, schedule=schedule)
        assert len(list(Training(Finetune(**TINY), fit).run())) == 6 * EPOCH


@pytest.mark.parametrize("schedule", [Deferred(start=0.5), Progressive()], ids=repr)
def test_a_fit_of_fewer_steps_than_phases_is_made(schedule: Any) -> None:
    made = fitted(fit_of((2, 1), sampler=ClassBalanced(), schedule=schedule), epochs=1)
    assert all(torch.isfinite(value).all() for value in made.state.values())
    assert_allclose(made.prior, 0.5)
