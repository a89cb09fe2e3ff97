"""What every classifier of the family `classical` promises: a new one is held to it as well."""

from __future__ import annotations

import dataclasses
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from contract import refuse_pickle
from fits import Made, Task, as_inputs, hard_task, variants
from numpy.testing import assert_allclose, assert_array_equal

from tasks.train.classifiers import Classifier
from tasks.train.families import Components, Fit, Log
from tasks.train.families.classical import Classical
from tasks.train.losses.none import NoLoss
from tasks.train.mixing.none import Unmixed
from tasks.train.samplers import Sampler
from tasks.train.samplers.natural import Natural
from tasks.train.schedules.constant import Unscheduled

MODULES = {"xgboost": "xgboost", "lightgbm": "lightgbm"}  # of the extra `boosting`, by classifier
QUICK = {"trees": 30, "draws": 3, "learning_rate": 0.3}
VARIANTS = [
    one.model_copy(update={key: value for key, value in QUICK.items() if hasattr(one, key)})
    for one in variants("tasks.train.classifiers")
]
EVERY = [
    pytest.param(
        one,
        id=repr(one),
        marks=pytest.mark.skipif(
            one.name in MODULES and find_spec(MODULES[one.name]) is None, reason="needs the extra boosting"
        ),
    )
    for one in VARIANTS
]
every = pytest.mark.parametrize("classifier", EVERY)
COUNTS = {2: [60, 15], 10: [40, 30, 24, 20, 16, 12, 10, 8, 6, 2]}
sizes = pytest.mark.parametrize("classes", COUNTS)


def separable(counts: list[int], dimensions: int = 12, apart: float = 6.0, seed: int = 0) -> tuple[Any, Any]:
    """Rows of classes whose means lie apart, in an order of chance."""
    generator = np.random.default_rng(seed)
    targets = generator.permutation(np.repeat(np.arange(len(counts)), counts))
    values = generator.normal(size=(len(targets), dimensions)) + apart * np.eye(len(counts), dimensions)[targets]
    return values.astype(np.float32), targets


def task_of(values: np.ndarray, targets: np.ndarray, sampler: Sampler | None = None, seed: int = 0) -> Task:
    classes = int(targets.max()) + 1
    return hard_task(values, targets, classes, NoLoss(), sampler or Natural(), {}, seed)


def family_of(classifier: Classifier, **settings: Any) -> Classical:
    return Classical(classifier=classifier, backbone="toy", **settings)


def fitted(classifier: Classifier, values: np.ndarray, targets: np.ndarray, **task: Any) -> Made:
    return task_of(values, targets, **task).fit(family_of(classifier))


def probabilities(made: Made, values: np.ndarray) -> np.ndarray:
    return np.exp(made.predict(values))


@every
@sizes
def test_a_classifier_is_better_than_chance_on_rows_that_it_has_not_seen(classifier, classes):
    made = fitted(classifier, *separable(COUNTS[classes]))
    values, targets = separable([20] * classes, seed=1)
    decided = made.predict(values).argmax(1)
    recalls = [(decided[targets == code] == code).mean() for code in range(classes)]
    assert np.mean(recalls) > (2 / classes if classes > 2 else 0.8)


@every
@sizes
def test_probabilities_are_positive_and_sum_to_one(classifier, classes):
    values, targets = separable(COUNTS[classes], apart=1.0)
    shares = classifier.probabilities(classifier.fit(values, targets, np.ones(len(targets)), 0), values)
    assert shares.shape == (len(targets), classes)
    assert shares.dtype == np.float64
    assert (shares >= 0).all()
    assert_allclose(shares.sum(1), 1, atol=1e-6)


@every
@sizes
def test_the_same_seed_gives_the_same_bytes_whatever_was_fitted_before(classifier, classes):
    values, targets = separable(COUNTS[classes], apart=1.0)
    first = fitted(classifier, values, targets).files
    other = fitted(classifier, values, targets, seed=1).files
    assert fitted(classifier, values, targets).files == first
    assert (first != other) == classifier.has_chance


@every
@sizes
def test_a_saved_classifier_says_the_same_and_can_be_saved_again(classifier, classes):
    values, targets = separable(COUNTS[classes], apart=1.0)
    made = fitted(classifier, values, targets)
    loaded = made.loaded()
    assert_array_equal(loaded.predict(values), made.predict(values))
    assert_array_equal(loaded.loaded().predict(values), made.predict(values))


@every
@sizes
def test_nothing_is_pickled(classifier, classes):
    values, targets = separable(COUNTS[classes])
    for name, data in fitted(classifier, values, targets).files.items():
        refuse_pickle(name, data)


@every
def test_a_prediction_does_not_depend_on_the_rows_beside_it(classifier):
    values, targets = separable(COUNTS[10], apart=1.0)
    made = fitted(classifier, values, targets)
    alone = np.concatenate([made.predict(values[row : row + 1]) for row in range(30)])
    assert_allclose(alone, made.predict(values)[:30], rtol=1e-5, atol=1e-6)


@every
def test_no_rows_are_no_predictions(classifier):
    values, targets = separable(COUNTS[10])
    assert fitted(classifier, values, targets).predict(values[:0]).shape == (0, 10)


@every
@pytest.mark.parametrize("counts", [[30, 2], [40, 20, 2], [12, 1], [9, 7, 1]], ids=str)
def test_a_class_of_two_rows_or_one_can_be_learnt_from(classifier, counts):
    values, targets = separable(counts, apart=8.0)
    shares = probabilities(fitted(classifier, values, targets), values)
    assert np.isfinite(shares).all()
    assert shares.shape == (len(targets), len(counts))
    rare = len(counts) - 1
    assert shares[targets == rare, rare].mean() > shares[targets != rare, rare].mean()


@every
def test_a_constant_feature_does_no_harm(classifier):
    values, targets = separable([40, 20])
    values[:, 3] = 7.5
    assert (fitted(classifier, values, targets).predict(values).argmax(1) == targets).mean() > 0.9


@every
@sizes
def test_the_order_of_classes_changes_nothing_but_the_order_of_scores(classifier, classes):
    """Up to rounding where nothing is left to chance; else, since chance goes by order, in the decisions on average."""
    values, targets = separable(COUNTS[classes], apart=8.0)
    order = np.random.default_rng(5).permutation(classes) if classes > 2 else np.array([1, 0])
    unseen, truth = separable([20] * classes, apart=8.0, seed=1)
    seeds = range(3 if classifier.has_chance else 1)

    def mean_over_seeds(codes: np.ndarray) -> np.ndarray:
        return np.mean([probabilities(fitted(classifier, values, codes, seed=seed), unseen) for seed in seeds], axis=0)

    plain, other = mean_over_seeds(targets), mean_over_seeds(order[targets])[:, order]
    if classifier.has_chance:
        ours, theirs = ((shares.argmax(1) == truth).mean() for shares in (plain, other))
        assert abs(ours - theirs) < 0.15
        assert_allclose(plain.mean(0), other.mean(0), atol=0.1)
    else:
        assert_allclose(plain, other, atol=5e-3)


EXACT = {"logistic_regression", "svm"}  # a weight is a number of rows there, to the last digits


def overlapping(counts: list[int]) -> tuple[np.ndarray, np.ndarray]:
    return separable(counts, dimensions=4, apart=1.0)


@pytest.mark.parametrize(
    "classifier", [one for one in variants("tasks.train.classifiers") if one.name in EXACT], ids=repr
)
def test_a_row_of_weight_two_is_two_rows(classifier):
    values, targets = overlapping([40, 15, 6])
    twice = np.random.default_rng(3).random(len(targets)) < 0.4
    weighted = classifier.fit(values, targets, np.where(twice, 2.0, 1.0), 0)
    rows = np.concatenate([np.arange(len(targets)), np.flatnonzero(twice)])
    repeated = classifier.fit(values[rows], targets[rows], np.ones(len(rows)), 0)
    unseen, _ = overlapping([30, 30, 30])
    assert_allclose(classifier.probabilities(weighted, unseen), classifier.probabilities(repeated, unseen), atol=2e-4)


@every
def test_weight_moves_the_probability_of_its_class_unless_draws_decide(classifier):
    values, targets = overlapping([60, 60])
    unseen = overlapping([200, 200])[0]

    def share_of_second(weight: float) -> float:
        weights = np.where(targets == 1, weight, 1.0)
        return classifier.probabilities(classifier.fit(values, targets, weights / weights.mean(), 0), unseen)[
            :, 1
        ].mean()

    less, same, more = (share_of_second(weight) for weight in (0.1, 1.0, 10.0))
    if classifier.balances:
        assert less == same == more
    else:
        assert less < same - 0.05
        assert more > same + 0.05


@every
def test_one_that_balances_calls_classes_alike_often_though_one_is_rare(classifier):
    """Classes that can't be told apart: what a classifier then says on average is the prior that it has learnt."""
    generator = np.random.default_rng(0)
    targets = np.repeat([0, 1], [400, 40])
    values = generator.normal(size=(440, 3)).astype(np.float32)
    made = fitted(classifier, values, targets)
    shares = probabilities(made, generator.normal(size=(500, 3)).astype(np.float32))
    assert_allclose(made.fitted.prior, [0.5, 0.5] if classifier.balances else [400 / 440, 40 / 440])
    assert_allclose(shares.mean(0), made.fitted.prior, atol=0.12)


def one_fit(family: Classical, task: Task, seed: int) -> Fit:
    components = Components(task.loss, task.sampler, Unmixed(), Unscheduled())
    return Fit(task.rows, as_inputs(task.features), components, seed, None, Log())


@every
@pytest.mark.parametrize("sampler", variants("tasks.train.samplers"), ids=repr)
def test_all_seeds_together_are_the_fits_one_by_one(classifier, sampler):
    values, targets = separable([30, 12, 8], apart=1.0)
    task = task_of(values, targets, sampler)
    rows = task.rows
    family = family_of(classifier)
    if family.against(sampler):
        pytest.skip("refused")
    fits = [dataclasses.replace(one_fit(family, task, seed), rows=rows) for seed in (0, 1)]
    for seed, together in enumerate(family.fit_all(fits)):
        alone = task_of(values, targets, sampler, seed).fit(family)
        assert_array_equal(together.predict(as_inputs(values)).values, alone.predict(values))
