"""The family `classical`: weights and priors, saving, and the libraries that are no dependency."""

from __future__ import annotations

import dataclasses
import sys

import numpy as np
import pytest
from fits import hard_task
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression as Reference
from sklearn.preprocessing import StandardScaler

from tasks.errors import InputError
from tasks.registry import components
from tasks.statistics.scaling import Standardisation
from tasks.train.classifiers.lightgbm import LightGBM
from tasks.train.classifiers.logistic_regression import LogisticRegression
from tasks.train.classifiers.random_forest import RandomForest
from tasks.train.classifiers.svm import Svm
from tasks.train.classifiers.xgboost import XGBoost
from tasks.train.families.classical import Classical
from tasks.train.losses.none import NoLoss
from tasks.train.samplers.class_balanced import ClassBalanced
from tasks.train.samplers.natural import Natural
from tasks.train.samplers.smote import Smote

COUNTS = [60, 25, 9]


def rows(counts=COUNTS, dimensions=5, apart=1.5, seed=0):
    generator = np.random.default_rng(seed)
    targets = generator.permutation(np.repeat(np.arange(len(counts)), counts))
    values = generator.normal(size=(len(targets), dimensions)) + apart * np.eye(len(counts), dimensions)[targets]
    return values.astype(np.float32), targets


def fitted(classifier, sampler=None, counts=COUNTS, seed=0, **settings):
    values, targets = rows(counts)
    task = hard_task(values, targets, len(counts), NoLoss(), sampler or Natural(), {}, seed)
    return task.fit(Classical(classifier=classifier, **settings))


def test_balanced_weights_are_balanced_draws():
    unseen, _ = rows(seed=1)
    weighted = fitted(LogisticRegression(), class_weights="balanced")
    drawn = fitted(LogisticRegression(), ClassBalanced())
    assert_allclose(weighted.predict(unseen), drawn.predict(unseen), atol=1e-6)
    assert_allclose(weighted.fitted.prior, 1 / 3)
    assert_allclose(drawn.fitted.prior, 1 / 3)


@pytest.mark.parametrize("weights", ["balanced", "ratio"])
def test_weights_after_balanced_draws_change_nothing(weights):
    unseen, _ = rows(seed=1)
    plain = fitted(RandomForest(), ClassBalanced())
    both = fitted(RandomForest(), ClassBalanced(), class_weights=weights)
    assert_array_equal(plain.predict(unseen), both.predict(unseen))


def test_the_prior_is_that_of_the_rows_unless_weights_change_it():
    assert_allclose(fitted(LogisticRegression()).fitted.prior, np.array(COUNTS) / sum(COUNTS))
    assert_allclose(fitted(LogisticRegression(), class_weights="ratio").fitted.prior, 1 / 3)
    assert_allclose(fitted(LogisticRegression(), Smote(grow_to=0.5)).fitted.prior, np.array([60, 30, 30]) / 120)


def test_logistic_regression_is_the_one_of_scikit_learn_with_class_weights():
    values, targets = rows()
    unseen, _ = rows(seed=1)
    made = fitted(LogisticRegression(cost=0.5), class_weights="balanced")
    weights = np.array([94 / (3 * count) for count in COUNTS])[targets]
    values, unseen = values.astype(np.float64), unseen.astype(np.float64)
    scaler = StandardScaler().fit(values, sample_weight=weights)
    reference = Reference(C=0.5, class_weight="balanced", tol=1e-8, max_iter=5000)
    reference.fit(scaler.transform(values), targets)
    unseen = np.clip(unseen, values.min(0), values.max(0))  # what lies beyond all training rows counts as their last
    assert_allclose(
        np.exp(made.predict(unseen.astype(np.float32))), reference.predict_proba(scaler.transform(unseen)), atol=1e-4
    )


def test_a_weighted_standardisation_is_that_of_repeated_rows():
    values, _ = rows()
    weights = np.random.default_rng(0).integers(1, 4, len(values))
    weighted, repeated = Standardisation.of(values, weights), Standardisation.of(np.repeat(values, weights, axis=0))
    assert_allclose(weighted.mean, repeated.mean, rtol=1e-5, atol=1e-7)
    assert_allclose(weighted.deviation, repeated.deviation, rtol=1e-5)


def test_ratio_weights_are_xgboosts_scale_pos_weight():
    xgboost = pytest.importorskip("xgboost")
    values, targets = rows([60, 15])
    made = fitted(XGBoost(trees=20, row_share=1.0, feature_share=1.0), counts=[60, 15], class_weights="ratio")
    settings = {"objective": "binary:logistic", "eta": 0.1, "max_depth": 4, "min_child_weight": 0.1, "nthread": 1}
    booster = xgboost.train(settings | {"scale_pos_weight": 60 / 15}, xgboost.DMatrix(values, targets), 20)
    assert_allclose(np.exp(made.predict(values))[:, 1], booster.inplace_predict(values), atol=0.02)
    assert_array_equal(made.predict(values).argmax(1), booster.inplace_predict(values) > 0.5)


def test_ratio_weights_decide_as_lightgbms_is_unbalance():
    """Its probabilities are others until they have converged: it starts at the share of the rows without weights."""
    lightgbm = pytest.importorskip("lightgbm")
    values, targets = rows([60, 15])
    made = fitted(LightGBM(trees=100, row_share=1.0, feature_share=1.0), counts=[60, 15], class_weights="ratio")
    settings = {"objective": "binary", "num_leaves": 15, "min_data_in_leaf": 3, "min_data_in_bin": 1, "verbosity": -1}
    settings |= {"is_unbalance": True, "num_threads": 1, "deterministic": True, "force_row_wise": True}
    booster = lightgbm.train(settings, lightgbm.Dataset(values, targets), 100)
    unseen, _ = rows([500, 500], seed=1)
    assert (made.predict(unseen).argmax(1) == (booster.predict(unseen) > 0.5)).mean() > 0.95


@pytest.mark.parametrize("classifier", [XGBoost(), LightGBM()], ids=["xgboost", "lightgbm"])
def test_without_the_extra_its_name_is_told(monkeypatch, classifier):
    monkeypatch.setitem(sys.modules, classifier.name, None)
    with pytest.raises(InputError, match=rf"{classifier.name} needs the extra `boosting` .* 'equipoise\[boosting"):
        fitted(classifier)


def test_copies_of_a_row_do_not_make_an_svm_surer_of_it():
    """Else a copy on the other side of a fold would show a machine what it is then calibrated on."""
    generator = np.random.default_rng(0)
    values = generator.normal(size=(60, 8)).astype(np.float32)
    targets = np.repeat([0, 1], 30)
    once, five = (
        Svm().fit(np.repeat(values, times, axis=0), np.repeat(targets, times), np.full(60 * times, 1 / times), 0)
        for times in (1, 5)
    )
    unseen = generator.normal(size=(200, 8)).astype(np.float32)
    assert_allclose(Svm().probabilities(five, unseen), Svm().probabilities(once, unseen), atol=1e-4)
    assert np.abs(Svm().probabilities(once, unseen) - 0.5).max() < 0.3  # labels of chance


def test_an_svms_probabilities_are_those_of_the_classes():
    """Among rows that it calls 20 to 40 % likely, 20 to 40 % are of the class, and so on."""
    values, targets = rows([600, 300], apart=1.0)
    made = Svm().fit(values, targets, np.ones(900), 0)
    unseen, truth = rows([6000, 3000], apart=1.0, seed=1)
    shares = Svm().probabilities(made, unseen)[:, 1]
    for low in (0.2, 0.4, 0.6):
        inside = (shares >= low) & (shares < low + 0.2)
        assert low - 0.07 < truth[inside].mean() < low + 0.27


def test_an_svm_does_not_depend_on_the_order_of_rows():
    values, targets = rows()
    order = np.random.default_rng(2).permutation(len(targets))
    unseen, _ = rows(seed=1)
    one, other = (Svm().fit(values[at], targets[at], np.ones(len(at)), 0) for at in (np.arange(len(targets)), order))
    assert_array_equal(Svm().probabilities(one, unseen), Svm().probabilities(other, unseen))


@pytest.mark.parametrize(
    "name", [name for name, one in components("tasks.train.classifiers").items() if not one.balances]
)
def test_a_mixed_row_counts_for_both_of_its_classes(name):
    if name in ("xgboost", "lightgbm"):
        pytest.importorskip(name)
    values, _ = rows([40, 40], apart=0.0)
    task = hard_task(values, np.zeros(80, dtype=np.int64), 2, NoLoss(), Natural(), {}, 0)
    soft = dataclasses.replace(task, second=np.ones(80, dtype=np.int64), share=np.full(80, 0.25, dtype=np.float32))
    made = soft.fit(Classical(classifier={"name": name}))
    assert_allclose(np.exp(made.predict(rows([100, 100], apart=0.0, seed=1)[0])).mean(0), [0.25, 0.75], atol=0.1)
    assert_allclose(made.fitted.prior, [0.25, 0.75])


def test_a_model_names_the_packages_that_it_needs():
    assert Classical(classifier=Svm()).needed() == ("scikit-learn", "skops")
    assert Classical(classifier=LightGBM()).needed() == ("lightgbm",)
    assert Classical(classifier={"name": "rusboost"}).needed()[0] == "imbalanced-learn"


def test_a_type_that_a_classifier_does_not_trust_is_not_loaded(tmp_path):
    from skops.io.exceptions import UntrustedTypesFoundException

    fitted(RandomForest(trees=2)).fitted.save(tmp_path)
    with pytest.raises(UntrustedTypesFoundException):
        Svm().load(tmp_path)
