"""What every schedule promises, and what each of them puts in effect when."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np
import pytest
import torch
from fits import Task, each, hard_task
from numpy.testing import assert_allclose, assert_array_equal

from tasks.params.models import IDLE
from tasks.train.course import Course
from tasks.train.families import Components
from tasks.train.families.head import Head
from tasks.train.labels import Labels
from tasks.train.losses.balanced_softmax import BalancedSoftmax
from tasks.train.losses.binary_cross_entropy import BinaryCrossEntropy
from tasks.train.losses.cross_entropy import CrossEntropy
from tasks.train.losses.focal import Focal
from tasks.train.losses.weighted_cross_entropy import WeightedCrossEntropy
from tasks.train.mixing.mixup import Mixup
from tasks.train.mixing.none import Unmixed
from tasks.train.mixing.remix import Remix
from tasks.train.samplers.class_balanced import ClassBalanced
from tasks.train.samplers.natural import Natural
from tasks.train.samplers.smote import Smote
from tasks.train.samplers.square_root import SquareRoot
from tasks.train.schedules import InEffect, Schedule
from tasks.train.schedules.constant import Unscheduled
from tasks.train.schedules.deferred import Deferred
from tasks.train.schedules.progressive import Progressive

CIFAR_LT = np.array([5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50])


def numbers(text: str) -> list[float]:
    return [float(number) for number in text.split()]


def long_tail(**changes: object) -> Task:
    """Three classes of 60, 25 and 12 rows whose means lie apart."""
    targets = np.repeat(np.arange(3), [60, 25, 12])
    features = np.random.default_rng(1).normal(size=(97, 6)) + 2 * np.eye(3, 6)[targets]
    settings = {"steps": 40, "batch_size": 20, "learning_rate": 0.02, "weight_decay": 0.01}
    task = hard_task(features.astype(np.float32), targets, 3, CrossEntropy(), Natural(), settings, 0)
    return dataclasses.replace(task, **changes)


def course_of(counts: np.ndarray, schedule: Schedule, steps: int = 100, **components: object) -> Course:
    targets = np.repeat(np.arange(len(counts)), counts)
    task = hard_task(np.zeros((len(targets), 1)), targets, len(counts), CrossEntropy(), Natural(), {}, 0)
    chosen = {"loss": task.loss, "sampler": task.sampler, "mixing": task.mixing} | components
    return Course(Components(**chosen, schedule=schedule), task.rows, len(targets), steps)


class Noting:
    """The weights of a head after every step, with what its outputs and its data were."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from tasks.train import adamw

        self.weights: list[list[np.ndarray]] = []
        original = adamw.AdamW.step

        def step(optimiser: adamw.AdamW, loss: torch.Tensor) -> None:
            original(optimiser, loss)
            self.weights.append([one.detach().clone().numpy() for one in optimiser.parameters])

        monkeypatch.setattr(adamw.AdamW, "step", step)

    def of(self, task: Task) -> list[list[np.ndarray]]:
        self.weights = []
        task.fit(Head())
        return self.weights


@each("schedules")
def test_a_schedule_says_shares_and_the_last_of_them_hold_to_the_end(component):
    for progress in np.linspace(0, 1, 101):
        effect = component.at(progress)
        assert all(0 <= share <= 1 for share in dataclasses.astuple(effect))
    assert all(0 < turn < 1 for turn in component.turns)
    assert list(component.turns) == sorted(component.turns)
    assert component.acts_on <= {"loss", "sampler", "mixing"}


@each("schedules")
def test_a_schedule_leaves_alone_what_it_does_not_act_on(component):
    named = {"loss": "weights", "sampler": "sampler", "mixing": "mixing"}
    for key in named.keys() - component.acts_on:
        assert {getattr(component.at(progress), named[key]) for progress in np.linspace(0, 1, 101)} == {1.0}


def test_the_schedule_that_does_nothing_has_everything_in_effect_always():
    assert IDLE["schedule"] == Unscheduled().name
    assert {Unscheduled().at(progress) for progress in (0.0, 0.5, 1.0)} == {InEffect(1.0, 1.0, 1.0)}


@pytest.mark.parametrize(
    ("schedule", "before", "after"),
    [
        (Deferred(), InEffect(0, 0, 1), InEffect(1, 1, 1)),
        (Deferred(sampler=False), InEffect(0, 1, 1), InEffect(1, 1, 1)),
        (Deferred(weights=False), InEffect(1, 0, 1), InEffect(1, 1, 1)),
        (Deferred(mixing=True), InEffect(0, 0, 1), InEffect(1, 1, 0)),
        (Deferred(weights=False, sampler=False, mixing=True), InEffect(1, 1, 1), InEffect(1, 1, 0)),
    ],
)
def test_what_is_deferred_comes_into_effect_at_the_start_and_mixing_ends_there(schedule, before, after):
    assert {schedule.at(progress) for progress in (0.0, 0.5, 0.799)} == {before}
    assert {schedule.at(progress) for progress in (0.8, 0.9, 1.0)} == {after}


def test_a_schedule_that_defers_nothing_is_refused():
    with pytest.raises(ValueError, match="defers nothing"):
        Deferred(weights=False, sampler=False)


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 10, 49, 100, 320])
@pytest.mark.parametrize("start", [0.1, 0.3, 0.5, 0.7, 0.8, 0.99])
def test_an_epoch_ends_at_the_first_step_that_is_late_enough(start, steps):
    course = course_of(np.array([5, 3]), Deferred(start=start), steps)
    done = 0
    while done < steps:
        phase = course.phase(done)
        assert phase.steps >= 1
        held = {course.components.schedule.at(step / steps) for step in range(done, done + phase.steps)}
        assert held == {phase.effect}
        done += phase.steps
    assert done == steps


DEFERRED = [
    {"loss": WeightedCrossEntropy()},
    {"loss": WeightedCrossEntropy(weights="effective_number")},
    {"loss": Focal(gamma=0, alpha="balanced")},
    {"sampler": ClassBalanced()},
    {"sampler": SquareRoot()},
    {"loss": WeightedCrossEntropy(weights="inverse_power"), "sampler": SquareRoot()},
]


@pytest.mark.parametrize("components", DEFERRED, ids=repr)
@pytest.mark.parametrize("start", [0.3, 0.8])
def test_a_deferred_strategy_equals_a_plain_one_until_its_start(monkeypatch, components, start):
    noting = Noting(monkeypatch)
    loss = Focal(gamma=0) if components.get("loss", CrossEntropy()).name == "focal" else CrossEntropy()
    plain = noting.of(long_tail(loss=loss))
    late = noting.of(long_tail(**components, schedule=Deferred(start=start)))
    assert len(plain) == len(late) == 40
    first = round(start * 40)
    for step, (one, other) in enumerate(zip(plain, late, strict=True)):
        same = all(a.tobytes() == b.tobytes() for a, b in zip(one, other, strict=True))
        assert same == (step < first), step


def test_weights_that_wait_leave_what_else_a_loss_does():
    """Balanced softmax has no class weights: its counts stay in the softmax, whatever is deferred."""
    counts, outputs = np.array([60, 25, 12]), torch.randn(3, 3, generator=torch.Generator().manual_seed(0))
    labels = Labels(torch.arange(3))
    for loss, same in ((BalancedSoftmax(), True), (WeightedCrossEntropy(), False)):
        phase = course_of(counts, Deferred(), loss=loss).phase(0)
        expected = loss.per_image(outputs, labels.first, torch.tensor(counts, dtype=torch.float32))
        assert torch.equal(phase.loss(labels, outputs), expected) == same


def test_mixing_that_ends_equals_mixing_until_the_last_phase_and_then_sees_rows_as_they_are(monkeypatch):
    noting = Noting(monkeypatch)
    ends = Deferred(weights=False, sampler=False, mixing=True, start=0.5)
    mixed, late = noting.of(long_tail(mixing=Mixup())), noting.of(long_tail(mixing=Mixup(), schedule=ends))
    for step, (one, other) in enumerate(zip(mixed, late, strict=True)):
        assert one[0].tobytes() == other[0].tobytes() or step >= 20, step
    assert (mixed[-1][0] != late[-1][0]).any()


@pytest.mark.parametrize(
    ("components", "schedule"),
    [
        ({"loss": WeightedCrossEntropy()}, Deferred()),
        ({"loss": WeightedCrossEntropy(weights="effective_number")}, Deferred()),
        ({"sampler": SquareRoot()}, Deferred()),
        ({"sampler": ClassBalanced()}, Progressive()),
        ({"sampler": Smote()}, Deferred()),
        ({"loss": WeightedCrossEntropy(), "sampler": SquareRoot(), "mixing": Remix()}, Deferred()),
    ],
    ids=repr,
)
def test_the_effective_prior_is_that_of_the_last_phase(components, schedule):
    constant = long_tail(**components).fit(Head()).fitted
    scheduled = long_tail(**components, schedule=schedule).fit(Head()).fitted
    assert_array_equal(scheduled.prior, constant.prior)
    without = long_tail(mixing=Remix(), schedule=Deferred(mixing=True)).fit(Head()).fitted
    assert_allclose(without.prior, np.array([60, 25, 12]) / 97)


def test_the_effective_counts_of_a_phase_are_those_that_are_in_effect():
    course = course_of(np.array([900, 100]), Deferred(mixing=True), sampler=ClassBalanced(), mixing=Remix())
    assert_allclose(course.phase(0).counts, [877.5, 122.5])
    assert_allclose(course.phase(80).counts, [500, 500])


def test_progressive_sampling_has_its_golden_values():
    course = course_of(CIFAR_LT, Progressive(), sampler=ClassBalanced())
    golden = ".2515 .1708 .1224 .0934 .0760 .0656 .0594 .0556 .0533 .0520"
    assert_allclose(course.phase(50).drawn / CIFAR_LT.sum(), numbers(golden), atol=6e-5)
    assert_allclose(course.phase(0).drawn, CIFAR_LT)
    assert_allclose(course.phase(100).drawn, CIFAR_LT.sum() / 10)


@pytest.mark.parametrize("sampler", [ClassBalanced(), SquareRoot()], ids=repr)
@pytest.mark.parametrize("done", [1, 25, 50, 99])
def test_epochs_hold_the_rows_that_the_formula_of_progressive_sampling_says(sampler, done):
    counts = np.array([60, 25, 12])
    course = course_of(counts, Progressive(), sampler=sampler)
    t, generator = done / 100, np.random.default_rng(0)
    shares = counts**0.5 / (counts**0.5).sum() if sampler.name == "square_root" else np.full(3, 1 / 3)
    expected = (1 - t) * counts / 97 + t * shares
    labels = np.repeat(np.arange(3), counts)
    drawn = [np.bincount(labels[course.phase(done).epoch(generator)], minlength=3) for _ in range(2000)]
    assert_allclose(np.mean(drawn, axis=0) / 97, expected, atol=0.005)  # standard error of the mean at most .0012
    assert_allclose(course.phase(done).drawn / 97, expected)


@pytest.mark.parametrize(
    ("components", "schedule"),
    [
        ({"loss": WeightedCrossEntropy()}, Deferred()),
        ({"sampler": ClassBalanced()}, Deferred()),
        ({"sampler": SquareRoot()}, Progressive()),
        ({"sampler": Smote()}, Deferred(start=0.99)),
        ({"loss": BinaryCrossEntropy(pos_weight="balanced")}, Deferred()),
        ({"mixing": Remix()}, Deferred(mixing=True)),
    ],
    ids=repr,
)
def test_a_model_that_sees_nothing_ends_at_the_prior_of_the_last_phase(components, schedule):
    """Few steps at a low rate would not take it there; the biases are moved with what is in effect."""
    task = long_tail(**components, schedule=schedule, features=np.zeros((97, 2), np.float32))
    made = dataclasses.replace(task, settings=task.settings | {"learning_rate": 1e-9}).fit(Head())
    (scores,) = made.predict(np.zeros((1, 2), np.float32))
    assert_allclose(np.exp(scores) / np.exp(scores).sum(), made.fitted.prior, rtol=1e-4)


def test_rows_that_a_sampler_made_are_not_drawn_before_it_is_in_effect():
    targets = np.repeat(np.arange(2), [30, 10])
    task = hard_task(np.zeros((40, 1)), targets, 2, CrossEntropy(), Smote(), {}, 0)
    rows = task.rows.with_made(np.ones(20, dtype=np.int64))
    course = Course(Components(CrossEntropy(), Smote(), Unmixed(), Deferred()), rows, 40, 10)
    assert sorted(course.phase(0).epoch(np.random.default_rng(0))) == list(range(40))
    assert_array_equal(course.phase(0).counts, [30, 10])
    assert sorted(course.phase(8).epoch(np.random.default_rng(0))) == list(range(60))
    assert_array_equal(course.phase(8).counts, [30, 30])


class Half(Schedule):
    """Half of everything, as a schedule of another package may have it."""

    name: str = "half"
    keys: ClassVar[frozenset[str]] = frozenset({"loss", "sampler", "mixing"})

    @property
    def acts_on(self) -> frozenset[str]:
        return self.keys

    def at(self, progress: float) -> InEffect:
        return InEffect(0.5, 0.5, 0.5)


def test_half_of_the_batches_are_mixed_where_mixing_is_half_in_effect():
    course = course_of(np.array([9, 3]), Half(), mixing=Remix(), sampler=ClassBalanced())
    phase, chance = course.phase(0), np.random.default_rng(0)
    inputs, labels = torch.arange(24.0).reshape(12, 2), Labels(torch.tensor([0] * 9 + [1] * 3))
    mixed = [phase.mix(inputs, labels, chance)[1].mixed is not None for _ in range(1000)]
    assert 440 < sum(mixed) < 560
    own = course.components.mixing.effective_counts(phase.drawn)
    assert_allclose(phase.drawn, [7.5, 4.5])
    assert_allclose(phase.counts, (phase.drawn + own) / 2)


@each("schedules")
def test_a_scheduled_fit_gives_the_same_bytes(component):
    task = long_tail(loss=WeightedCrossEntropy(), sampler=SquareRoot(), mixing=Mixup(), schedule=component)
    assert task.fit(Head()).files == task.fit(Head()).files


def test_a_schedule_with_fewer_steps_than_it_has_turns_is_fitted():
    settings = {"steps": 1, "batch_size": 20, "learning_rate": 0.02}
    for schedule in (Deferred(start=0.5), Progressive()):
        task = long_tail(sampler=ClassBalanced(), schedule=schedule, settings=settings)
        assert np.isfinite(task.fit(Head()).predict(task.features)).all()


def test_deferred_weights_find_rare_classes_as_weights_do():
    targets = np.repeat(np.arange(3), [900, 80, 20])
    means = 1.5 * np.array([[0, 0], [1, 0], [0, 1]])
    features = (np.random.default_rng(0).normal(size=(1000, 2)) + means[targets]).astype(np.float32)
    settings = {"steps": 400, "batch_size": 100, "learning_rate": 0.05, "weight_decay": 0.0}

    def recall(schedule: Schedule) -> float:
        task = hard_task(features, targets, 3, WeightedCrossEntropy(), Natural(), settings, 0)
        made = dataclasses.replace(task, schedule=schedule).fit(
            Head(),
        )
        return (made.predict(features).argmax(1) == targets)[targets == 2].mean()

    assert recall(Deferred(start=0.5)) > 0.6
    assert recall(Unscheduled()) > 0.6
