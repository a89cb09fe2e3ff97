"""The rare class as an outlier: every detector on features, and what the family makes of its distances."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fits import Made, Task, hard_task, variants
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.covariance import ledoit_wolf
from sklearn.metrics import roc_auc_score

from tasks.errors import InputError
from tasks.train.detectors import Detector
from tasks.train.detectors.mahalanobis import Mahalanobis
from tasks.train.detectors.nearest_neighbours import NearestNeighbours
from tasks.train.families.anomaly import Anomaly
from tasks.train.losses.none import NoLoss
from tasks.train.samplers.natural import Natural

DETECTORS = [one for one in variants("tasks.train.detectors") if one.inputs == "features"]
each_detector = pytest.mark.parametrize("detector", DETECTORS, ids=[one.name for one in DETECTORS])


def task_of(counts: list[int], seed: int = 0, far: float = 5.0, dimensions: int = 12) -> Task:
    """A cloud of normal rows, the first class, and up to three classes that lie aside of it, each in a direction."""
    stream = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    rows = stream.normal(size=(len(labels), dimensions))
    for direction in range(3):  # of twelve
        rows[np.arange(len(labels)), 3 * labels + direction] += np.where(labels > 0, far, 0)
    return hard_task(rows.astype(np.float32), labels, len(counts), NoLoss(), Natural(), {}, seed)


def fitted(task: Task, detector: Detector, **settings: Any) -> Made:
    return task.fit(Anomaly(detector=detector, **settings))


@each_detector
def test_outliers_come_first_on_rows_that_were_not_learnt_from(detector: Detector) -> None:
    made = fitted(task_of([200, 20]), detector)
    unseen = task_of([200, 40], seed=1)
    scores = made.predict(unseen.features)
    assert roc_auc_score(unseen.targets == 1, scores[:, 1]) > 0.95
    assert roc_auc_score(unseen.targets == 0, scores[:, 0]) > 0.95
    assert_array_equal(scores[:, 0], -scores[:, 1])
    taken = scores.argmax(axis=1)
    assert np.mean(taken[unseen.targets == 0] == 0) > 0.8, "about a twentieth of the normal rows are outside"
    assert np.mean(taken[unseen.targets == 1] == 1) > 0.7


@each_detector
def test_with_two_classes_nothing_is_learnt_from_the_rare_one(detector: Detector) -> None:
    task = task_of([100, 10])
    other = task_of([100, 10])
    other.features[100:] = np.random.default_rng(9).normal(50, 9, (10, 12))
    assert fitted(task, detector).files == fitted(other, detector).files


@each_detector
def test_the_same_seed_gives_the_same_bytes_and_what_is_loaded_scores_the_same(detector: Detector) -> None:
    task = task_of([60, 10, 8])
    made = fitted(task, detector)
    assert made.files == fitted(task, detector).files
    assert_array_equal(made.loaded().predict(task.features), made.predict(task.features))


@each_detector
def test_outliers_go_to_the_class_whose_mean_is_the_most_similar(detector: Detector) -> None:
    made = fitted(task_of([200, 20, 20, 20]), detector)
    unseen = task_of([10, 30, 30, 30], seed=2)
    scores = made.predict(unseen.features)
    others = scores[:, 1:].argmax(axis=1) + 1
    rare = unseen.targets > 0
    assert np.mean(others[rare] == unseen.targets[rare]) > 0.9


@each_detector
def test_the_order_of_the_classes_is_irrelevant(detector: Detector) -> None:
    task = task_of([80, 10, 6])
    turned = task_of([80, 10, 6])
    turned.targets[:] = turned.second[:] = np.array([2, 0, 1])[task.targets]
    assert_allclose(
        fitted(turned, detector).predict(task.features)[:, [2, 0, 1]], fitted(task, detector).predict(task.features)
    )


@each_detector
def test_a_class_of_one_row_and_a_single_image_to_look_at(detector: Detector) -> None:
    task = task_of([30, 1])
    scores = fitted(task, detector).predict(task.features[:1])
    assert scores.shape == (1, 2)
    assert np.isfinite(scores).all()
    with pytest.raises(InputError, match="'class 0' has 1 training rows, and at least 4"):
        fitted(task_of([1, 30]), detector, normal="class 0")


def test_a_class_that_is_normal_may_be_named_and_must_exist() -> None:
    task = task_of([20, 60])
    assert fitted(task, Mahalanobis()).fitted.normal == 1, "else it is the largest"
    assert fitted(task, Mahalanobis(), normal="class 0").fitted.normal == 0
    with pytest.raises(InputError, match=r"there is no class 'class O' \(did you mean 'class [01]'\?\)"):
        fitted(task, Mahalanobis(), normal="class O")


def plain_scores(task: Task, far: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """What the rare class scores, by a plain distance `far` from learnt rows to others."""
    normal = task.targets == 0
    own = task.features[normal].astype(np.float64)
    rows = (task.features - own.mean(0)) / own.std(0)
    first, second = rows[normal][::2], rows[normal][1::2]
    unseen = np.concatenate([far(second, first), far(first, second)])
    return (far(rows[normal], rows) - np.quantile(unseen, 0.95)) / unseen.std()


def test_mahalanobis_is_the_distance_by_the_shrunk_covariance() -> None:
    def far(learnt: np.ndarray, rows: np.ndarray) -> np.ndarray:
        precision, mean = np.linalg.inv(ledoit_wolf(learnt)[0]), learnt.mean(0)
        return np.array([((row - mean) @ precision @ (row - mean)) ** 0.5 for row in rows])

    task = task_of([50, 10])
    assert_allclose(
        fitted(task, Mahalanobis()).predict(task.features)[:, 1], plain_scores(task, far), rtol=1e-3, atol=1e-4
    )


def test_nearest_neighbours_are_those_of_a_plain_loop() -> None:
    def far(learnt: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return np.array([np.sort(np.linalg.norm(learnt - row, axis=1))[:3].mean() for row in rows])

    task = task_of([40, 10])
    found = fitted(task, NearestNeighbours(neighbours=3)).predict(task.features)[:, 1]
    assert_allclose(found, plain_scores(task, far), rtol=1e-3, atol=1e-4)
