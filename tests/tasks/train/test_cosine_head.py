"""A head whose last layer is one of cosines, and the loss that needs one."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from fits import Task, hard_task
from numpy.testing import assert_allclose, assert_array_equal

from tasks.train.families.head import Head
from tasks.train.losses import Loss
from tasks.train.losses.balanced_softmax import BalancedSoftmax
from tasks.train.losses.binary_cross_entropy import BinaryCrossEntropy
from tasks.train.losses.cross_entropy import CrossEntropy
from tasks.train.losses.ldam import Ldam
from tasks.train.losses.weighted_cross_entropy import WeightedCrossEntropy
from tasks.train.samplers.class_balanced import ClassBalanced
from tasks.train.samplers.natural import Natural
from tasks.train.schedules.deferred import Deferred

COUNTS = np.array([60, 25, 12])


def long_tail(loss: Loss | None = None, **changes: object) -> Task:
    targets = np.repeat(np.arange(3), COUNTS)
    features = np.random.default_rng(1).normal(size=(97, 6)) + 1.5 * np.eye(3, 6)[targets]
    settings = {"steps": 120, "batch_size": 32, "learning_rate": 0.02, "weight_decay": 0.01}
    task = hard_task(features.astype(np.float32), targets, 3, loss or CrossEntropy(), Natural(), settings, 0)
    return dataclasses.replace(task, **changes)


def cosine_head(**settings: object) -> Head:
    return Head.model_validate({"name": "head", "classifier": "cosine", **settings})


@pytest.mark.parametrize("hidden", [0, 5])
@pytest.mark.parametrize("scale", [None, 30.0])
def test_scores_are_cosines_times_the_scale_and_what_a_blind_model_says(hidden, scale):
    """A row at a time: standardised, through the hidden layer, and the cosine to the direction of each class."""
    task = long_tail()
    made = task.fit(cosine_head(hidden=hidden, scale=scale))
    state = {name: value.astype(np.float64) for name, value in made.state.items()}
    factor = float(np.exp(state["log_scale"][0]))
    last = "1" if hidden else "0"
    for row, found in zip(task.features[::10], made.predict(task.features)[::10], strict=True):
        values = (row - state["mean"]) / state["deviation"]
        if hidden:
            values = np.maximum(state["weight0"] @ values + state["bias0"], 0)
        for code, weight in enumerate(state[f"weight{last}"]):
            cosine = values @ weight / np.linalg.norm(values) / np.linalg.norm(weight)
            expected = factor * cosine + np.log(COUNTS[code] / 97)
            assert_allclose(found[code], expected, rtol=1e-4, atol=1e-4)


def test_a_given_scale_stays_and_another_is_learnt():
    assert_allclose(long_tail().fit(cosine_head(scale=30.0)).state["log_scale"], np.log([30.0]), rtol=1e-6)
    learnt = long_tail().fit(cosine_head()).state["log_scale"]
    assert learnt.shape == (1,)
    assert abs(learnt[0] - np.log(10.0)) > 0.01


@pytest.mark.parametrize("hidden", [0, 5])
@pytest.mark.parametrize("loss", [CrossEntropy(), BinaryCrossEntropy()], ids=repr)
def test_the_network_of_a_cosine_head_is_that_of_its_scores(hidden, loss):
    task = long_tail(loss)
    task.features[:, 5] = 2.5  # what never varied
    made = task.fit(cosine_head(hidden=hidden))
    shown = made.fitted.module()
    scores = shown(torch.from_numpy(task.features)).numpy()
    assert_allclose(scores, made.predict(task.features), rtol=1e-4, atol=1e-5)
    assert not any(one.requires_grad for one in shown.parameters())
    assert_array_equal(made.loaded().predict(task.features), made.predict(task.features))


@pytest.mark.parametrize(
    ("changes", "prior"),
    [
        ({"loss": CrossEntropy()}, COUNTS / 97),
        ({"loss": WeightedCrossEntropy()}, np.full(3, 1 / 3)),
        ({"loss": BalancedSoftmax()}, np.full(3, 1 / 3)),
        ({"loss": CrossEntropy(), "sampler": ClassBalanced()}, np.full(3, 1 / 3)),
        ({"loss": WeightedCrossEntropy(), "schedule": Deferred()}, np.full(3, 1 / 3)),
    ],
)
def test_cosines_say_nothing_where_there_is_nothing_to_see_and_the_rest_is_the_prior_of_the_last_phase(changes, prior):
    task = dataclasses.replace(long_tail(**changes), features=np.zeros((97, 2), np.float32))
    made = task.fit(cosine_head())
    assert_allclose(made.fitted.prior, prior)
    (scores,) = made.predict(np.zeros((1, 2), np.float32))
    assert_allclose(np.exp(scores) / np.exp(scores).sum(), prior, rtol=1e-5)


def test_the_length_of_a_vector_plays_no_part():
    made = long_tail().fit(cosine_head())
    moved = made.state["mean"] + (long_tail().features - made.state["mean"]) / 3  # within what training showed
    assert_allclose(made.predict(moved.astype(np.float32)), made.predict(long_tail().features), rtol=1e-4, atol=1e-4)


def test_margins_find_rare_classes_and_leave_no_biases():
    """LDAM with deferred weights, as its authors have it, against plain cosines with the same scale."""
    head = cosine_head(scale=30.0)
    drw = Ldam(weights="effective_number")
    late = long_tail(drw, schedule=Deferred()).fit(head)
    assert_array_equal(late.state["bias0"], np.zeros(3))
    assert_allclose(late.fitted.prior, 1 / 3)
    points = np.random.default_rng(2).normal(size=(600, 6)) + 1.5 * np.eye(3, 6)[np.repeat(np.arange(3), 200)]

    def recall(made) -> float:
        return (made.predict(points.astype(np.float32)).argmax(1)[400:] == 2).mean()

    assert recall(late) > recall(long_tail().fit(head)) + 0.05


def test_a_scale_of_a_linear_head_is_refused():
    with pytest.raises(ValueError, match="is one of cosines; write classifier: cosine"):
        Head(scale=30.0)
