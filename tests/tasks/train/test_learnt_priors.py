"""Fits of losses that say which prior they leave, and what adjustment and calibration make of their scores."""

from __future__ import annotations

import numpy as np
import pytest
from fits import hard_task
from numpy.testing import assert_allclose
from test_train import fit, make_strategy, scores
from test_train_formulas import balanced_accuracy, fitted, gaussian

from tasks.calibration import Calibration
from tasks.scores import Scores, log_probabilities
from tasks.train.families.head import Head
from tasks.train.losses.asymmetric import Asymmetric
from tasks.train.losses.balanced_softmax import BalancedSoftmax
from tasks.train.losses.binary_cross_entropy import BinaryCrossEntropy
from tasks.train.losses.class_balanced import ClassBalanced
from tasks.train.losses.cross_entropy import CrossEntropy
from tasks.train.losses.logit_adjusted import LogitAdjusted
from tasks.train.losses.vs import VectorScaling
from tasks.train.posthoc.logit_adjustment import LogitAdjustment
from tasks.train.samplers.natural import Natural


@pytest.mark.parametrize(
    "loss", [BalancedSoftmax(), LogitAdjusted(), VectorScaling(), BinaryCrossEntropy(pos_weight="balanced")], ids=repr
)
def test_losses_that_leave_no_prior_find_rare_classes_and_leave_adjustment_nothing_to_do(loss):
    scores, classes, prior = fitted(loss, Natural())
    assert_allclose(prior, 1 / 3)
    assert balanced_accuracy(scores, classes) > 0.6
    adjusted = LogitAdjustment().adjust(Scores("logit", scores, prior)).values
    assert (adjusted.argmax(1) == scores.argmax(1)).all()


@pytest.mark.parametrize(
    "loss",
    [BinaryCrossEntropy(), ClassBalanced(base="sigmoid", beta=0.9), Asymmetric(), LogitAdjusted(tau=0.5)],
    ids=repr,
)
def test_adjustment_takes_away_what_a_loss_leaves_whether_outputs_are_a_softmax_or_sigmoids(loss):
    scores, classes, prior = fitted(loss, Natural())
    adjusted = balanced_accuracy(LogitAdjustment().adjust(Scores("logit", scores, prior)).values, classes)
    assert adjusted > balanced_accuracy(scores, classes) + 0.03
    assert adjusted > 0.6


def test_scores_of_sigmoids_are_probabilities_after_normalising():
    """One class against the rest, without weights: the sigmoids are the classes' probabilities, by Bayes' rule here."""
    features, targets = gaussian([900, 80, 20], seed=0)
    settings = {"steps": 400, "batch_size": 1000, "learning_rate": 0.02, "weight_decay": 0.0}
    made = hard_task(features, targets, 3, BinaryCrossEntropy(), Natural(), settings, 0).fit(Head())
    found = np.exp(log_probabilities(made.predict(features), "logit"))
    means = 1.5 * np.array([[0, 0], [1, 0], [0, 1]])
    density = np.exp(-((features[:, None, :] - means) ** 2).sum(2) / 2) * [0.9, 0.08, 0.02]
    truth = density / density.sum(1, keepdims=True)
    assert np.abs(found - truth).mean() < 0.02
    assert (made.predict(features) <= 0).all()


@pytest.mark.parametrize(
    "loss", [BinaryCrossEntropy(), BinaryCrossEntropy(pos_weight="balanced"), Asymmetric()], ids=repr
)
def test_calibration_makes_probabilities_of_the_scores_of_sigmoids(loss):
    scores, classes, _ = fitted(loss, Natural())
    plain, _, _ = fitted(CrossEntropy(), Natural())

    def log_loss(values: np.ndarray) -> float:
        shares = Calibration.fit(values, classes).probabilities(values)
        assert_allclose(shares.mean(axis=0), 1 / 3, atol=0.01)  # of each class as many as there are
        return -float(np.log(shares[np.arange(len(classes)), classes]).mean())

    assert log_loss(scores) < log_loss(plain) + 0.05  # balanced weights bend the odds of several classes: 0.04


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": {"name": "cost_sensitive", "cost": {"crack": {"fine": 20.0, "stain": 5.0}}}},
        {"loss": {"name": "binary_cross_entropy", "pos_weight": "balanced"}, "schedule": {"name": "deferred"}},
        {
            "loss": {"name": "ldam", "weights": "effective_number"},
            "family": {"name": "head", "backbone": "toy", "classifier": "cosine", "scale": 30.0},
            "schedule": {"name": "deferred", "start": 0.5},
        },
        {"sampler": {"name": "class_balanced"}, "schedule": {"name": "progressive"}},
    ],
    ids=repr,
)
def test_a_strategy_of_new_components_is_fitted_the_same_again_and_adjusted_by_its_own_prior(changes):
    strategy = make_strategy(**changes)
    one, other = fit(strategy), fit(strategy)
    assert one.predictions.equals(other.predictions)
    assert np.isfinite(scores(one.predictions)).all()
    adjusted = fit(make_strategy(**changes, posthoc={"name": "logit_adjustment"}))
    test_part = one.predictions["part"] == "test"
    taken = scores(one.predictions[test_part]) - scores(adjusted.predictions[test_part])
    prior = one.model.fits[0].prior
    assert_allclose(taken, np.tile(np.log(prior), (len(taken), 1)), rtol=1e-6, atol=1e-9)
