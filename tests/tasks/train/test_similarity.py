"""The family `similarity`: what it learns, how it decides, and what it promises beside the contract of all families."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from fits import Made, Task, as_inputs, hard_task, inputs_of, variants
from numpy.testing import assert_allclose, assert_array_equal

from tasks.errors import InputError
from tasks.features import Features
from tasks.params.checks import contradictions
from tasks.train.families import Components, Log
from tasks.train.families.similarity import Similarity, embedded
from tasks.train.losses.none import NoLoss
from tasks.train.metric_losses import MetricLoss
from tasks.train.metric_losses.triplet import Triplet
from tasks.train.mixing.none import Unmixed
from tasks.train.rows import Rows
from tasks.train.samplers.natural import Natural
from tasks.train.schedules.constant import Unscheduled

LOSSES = variants("tasks.train.metric_losses")
each_loss = pytest.mark.parametrize("loss", LOSSES, ids=repr)
each_decision = pytest.mark.parametrize("decide", ["class_means", "nearest"])


def task_of(counts: list[int], seed: int = 0, far: float = 4.0, dimensions: int = 24) -> Task:
    """Classes that lie aside of each other in a few directions among many that say nothing."""
    stream = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    rows = stream.normal(size=(len(labels), dimensions)) + far * np.eye(len(counts), dimensions)[labels]
    settings = {"steps": 60, "learning_rate": 0.02, "dimensions": 8}
    return hard_task(rows.astype(np.float32), labels, len(counts), NoLoss(), Natural(), settings, seed)


def fitted(task: Task, **settings: Any) -> Made:
    return task.fit(Similarity(**settings))


@each_loss
@pytest.mark.parametrize("hidden", [0, 16])
def test_classes_that_can_be_told_apart_are_told_apart_on_rows_that_were_not_learnt_from(
    loss: MetricLoss, hidden: int
) -> None:
    made = fitted(task_of([80, 30, 15], far=5), metric_loss=loss, hidden=hidden)
    unseen = task_of([40, 40, 40], seed=1, far=5)
    right = made.predict(unseen.features).argmax(axis=1) == unseen.targets
    assert min(right[unseen.targets == code].mean() for code in range(3)) > 0.8
    assert made.losses[-1] < made.losses[0]


@each_loss
def test_what_is_learnt_is_more_alike_within_classes_than_features_are(loss: MetricLoss) -> None:
    made = fitted(task_of([80, 20, 20], far=3), metric_loss=loss)
    unseen = task_of([40, 40, 40], seed=1, far=3)

    def lead(units: np.ndarray) -> float:
        """How much more alike images of a class are than others, in deviations."""
        cosines, same = units @ units.T, unseen.targets[:, None] == unseen.targets
        apart = ~np.eye(len(units), dtype=bool)
        return float((cosines[same & apart].mean() - cosines[~same].mean()) / cosines[~same].std())

    plain = (unseen.features - unseen.features.mean(0)) / unseen.features.std(0)
    assert lead(made.fitted.directions(as_inputs(unseen.features))) > lead(
        plain / np.linalg.norm(plain, axis=1, keepdims=True)
    )


@each_loss
@each_decision
def test_the_same_seed_gives_the_same_bytes_and_what_is_loaded_scores_the_same(loss: MetricLoss, decide: str) -> None:
    task = task_of([30, 10, 5])
    made = fitted(task, metric_loss=loss, decide=decide, hidden=6)
    assert made.files == fitted(task, metric_loss=loss, decide=decide, hidden=6).files
    loaded = made.loaded()
    assert_array_equal(loaded.predict(task.features), made.predict(task.features))
    inputs = as_inputs(task.features)
    assert_array_equal(loaded.fitted.directions(inputs), made.fitted.directions(inputs))
    for content in made.files.values():
        assert b"\x80\x04\x95" not in content
        assert content[8:9] == b"{", "a header of JSON, as safetensors have it"


@each_loss
@each_decision
def test_the_order_of_the_classes_is_irrelevant(loss: MetricLoss, decide: str) -> None:
    task, turned = task_of([30, 10, 6]), task_of([30, 10, 6])
    turned.targets[:] = turned.second[:] = np.array([2, 0, 1])[task.targets]
    expected = fitted(task, metric_loss=loss, decide=decide).predict(task.features)
    found = fitted(turned, metric_loss=loss, decide=decide).predict(task.features)
    assert_allclose(found[:, [2, 0, 1]], expected, rtol=1e-4, atol=1e-4)


@each_loss
@each_decision
@pytest.mark.parametrize("counts", [[12, 1], [6] * 20])
def test_two_classes_one_of_a_single_row_twenty_classes_and_a_single_image_to_look_at(
    loss: MetricLoss, decide: str, counts: list[int]
) -> None:
    task = task_of(counts)
    made = fitted(task, metric_loss=loss, decide=decide)
    scores = made.predict(task.features[:1])
    assert scores.shape == (1, len(counts))
    assert np.isfinite(made.predict(task.features)).all()
    assert_allclose(made.fitted.prior, 1 / len(counts))


@each_decision
@pytest.mark.parametrize("hidden", [0, 6])
def test_decisions_are_those_of_a_plain_loop(decide: str, hidden: int) -> None:
    task = task_of([20, 8, 3])
    made = fitted(task, decide=decide, hidden=hidden, neighbours=4, scale=7.0)
    rows = task.features.astype(np.float64)
    rows = (rows - rows.mean(0)) / rows.std(0)
    if hidden:
        rows = np.maximum(rows @ made.state["hidden_weight"].T + made.state["hidden_bias"], 0)
    units = rows @ made.state["weight"].T
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    expected = np.empty((len(rows), 3))
    for code in range(3):
        own = units[task.targets == code]
        if decide == "class_means":
            expected[:, code] = units @ own.mean(0) / np.linalg.norm(own.mean(0))
        else:
            expected[:, code] = [np.sort(own @ unit)[-4:].mean() for unit in units]
    assert_allclose(made.predict(task.features), 7 * expected, atol=1e-4)
    assert_allclose(made.fitted.directions(as_inputs(task.features)), units, atol=1e-5)


def test_the_network_that_is_fitted_is_the_one_that_is_kept() -> None:
    task = task_of([20, 8, 3])
    made = fitted(task, hidden=5)
    weights = {name: torch.tensor(value) for name, value in made.state.items() if "weight" in name or "bias" in name}
    rows = (task.features - made.state["mean"]) / made.state["deviation"]
    directions = made.fitted.directions(as_inputs(task.features))
    assert_allclose(embedded(weights, torch.tensor(rows)).numpy(), directions, atol=1e-5)


def test_a_batch_holds_every_class_alike_and_rare_rows_more_than_once() -> None:
    family = Similarity(classes_per_batch=3, rows_per_class=4)
    members = [np.arange(50), np.array([50, 51]), np.array([52]), np.arange(53, 60)]
    stream = np.random.default_rng(0)
    seen = np.zeros(4, dtype=int)
    for _ in range(200):
        drawn = family._batch(members, stream)
        assert len(drawn) == 12
        for own in drawn.reshape(3, 4):
            code = next(code for code, rows in enumerate(members) if own[0] in rows)
            seen[code] += 1
            assert set(own) <= set(members[code])
            assert len(set(own)) == 4 or len(members[code]) < 4, "without replacement where there are enough"
    assert seen.min() > 120, "a class is in three batches of four"


def test_rows_that_are_all_alike_are_survived() -> None:
    task = task_of([5, 5])
    task.features[:] = 1.0
    for loss in LOSSES:
        assert np.isfinite(fitted(task, metric_loss=loss, hidden=3).predict(task.features)).all()


def test_a_class_that_is_mostly_another_in_all_its_rows_is_refused() -> None:
    rows = Rows(["0", "1"], ["a", "b"], np.array([0, 0]), np.array([0, 1]), np.array([1.0, 0.6], dtype=np.float32))
    inputs = inputs_of(Features(["0", "1"], np.eye(2, 4, dtype=np.float32))).take(["0", "1"])
    with pytest.raises(InputError, match="class 'b' has only mixed rows that are mostly of others"):
        Similarity(backbone="toy").fit(
            rows, inputs, Components(NoLoss(), Natural(), Unmixed(), Unscheduled()), 0, None, Log()
        )


def test_a_class_that_is_added_is_found_and_leaves_the_scores_of_the_others() -> None:
    """Of nine classes that differ in the same four directions one is added to what was learnt of the others."""
    stream = np.random.default_rng(2)
    labels = np.repeat(np.arange(9), 40)
    rows = stream.normal(size=(360, 24))
    rows[:, :4] += 5 * stream.normal(size=(9, 4))[labels]
    features, known = rows.astype(np.float32), labels < 8
    settings = {"steps": 100, "learning_rate": 0.01, "dimensions": 8}
    task = hard_task(features[known], labels[known], 8, NoLoss(), Natural(), settings, 0)
    made = fitted(task)
    new = as_inputs(features[~known][:5])
    more = made.fitted.with_class(new)
    scores = more.predict(as_inputs(features)).values
    assert scores.shape == (360, 9)
    assert_allclose(scores[:, :8], made.predict(features), rtol=1e-4, atol=1e-5)
    assert_allclose(more.prior, 1 / 9)
    units, own = (made.fitted.directions(inputs) for inputs in (as_inputs(features), new))
    mean = own.mean(0) / np.linalg.norm(own.mean(0))
    assert_allclose(scores[:, 8], 10 * units @ mean, atol=1e-4)
    assert np.mean(scores[325:].argmax(axis=1) == 8) > 0.8


def test_where_the_nearest_rows_decide_no_class_is_added() -> None:
    task = task_of([10, 10])
    assert fitted(task, decide="nearest").fitted.with_class(as_inputs(task.features[:3])) is None


@pytest.mark.parametrize(
    ("key", "component", "told"),
    [
        ("loss", {"name": "cross_entropy"}, "family 'similarity' takes no loss; write {name: none}"),
        ("sampler", {"name": "class_balanced"}, "family 'similarity' takes no sampler; write {name: natural}"),
        ("mixing", {"name": "mixup"}, "family 'similarity' takes no mixing; write {name: none}"),
        ("schedule", {"name": "deferred"}, "family 'similarity' takes no schedule; write {name: constant}"),
    ],
)
def test_components_that_would_change_nothing_are_refused_when_parameters_are_read(
    key: str, component: dict[str, str], told: str
) -> None:
    strategy = {
        "recipe": "natural",
        "family": {"name": "similarity", "backbone": "mine", "metric_loss": {"name": "triplet"}},
        "loss": {"name": "none"},
        "sampler": {"name": "natural"},
        "mixing": {"name": "none"},
        "schedule": {"name": "constant"},
        "posthoc": {"name": "none"},
    }
    backbones = {"mine": {"name": "efficientnet_lite0"}}
    assert not contradictions({"backbones": backbones, "strategies": {"one": strategy}})
    (mistake,) = contradictions({"backbones": backbones, "strategies": {"one": strategy | {key: component}}})
    assert told in mistake["ctx"]["message"]


def test_settings_of_the_loss_are_its_own() -> None:
    made = Similarity.model_validate({"metric_loss": {"name": "triplet", "mining": "semi_hard", "margin": 0.5}})
    assert made.metric_loss == Triplet(mining="semi_hard", margin=0.5)
    with pytest.raises(ValueError, match="temperature"):
        Similarity.model_validate({"metric_loss": {"name": "triplet", "temperature": 0.5}})
