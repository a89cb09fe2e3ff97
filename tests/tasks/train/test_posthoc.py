"""Post-hoc rules against plain loops, golden values, and each fold against rules that have not seen it."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pydantic import ValidationError
from scipy.optimize import minimize, minimize_scalar

from tasks.errors import InputError
from tasks.scores import Scores
from tasks.train.cross_fitting import cross_fitted
from tasks.train.posthoc.logit_adjustment import LogitAdjustment
from tasks.train.posthoc.prior_correction import PriorCorrection
from tasks.train.posthoc.temperature import Temperature
from tasks.train.posthoc.threshold import Threshold

CIFAR_LT = np.array([5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50])
PI = CIFAR_LT / CIFAR_LT.sum()
LOG_PI = [-0.9087, -1.4206, -1.9326, -2.4440, -2.9567, -3.4675, -3.9792, -4.4915, -5.0071, -5.5139]
PRIOR = np.array([0.7, 0.2, 0.1])
LEARNING = [
    LogitAdjustment(tau=None),
    Threshold(),
    Temperature(),
    PriorCorrection(),
    PriorCorrection(calibrate=True),
    PriorCorrection(calibrate=True, shares={"a": 0.2, "b": 0.3, "c": 0.5}).for_classes("abc"),
]


def folds(number: int = 4, images: int = 90, seed: int = 0, spread: float = 1.0) -> tuple[list[Scores], list]:
    """Scores of two fits a fold, towards the true class and the prior; each fold's models have a prior of their own."""
    stream = np.random.default_rng(seed)
    scores, targets = [], []
    for fold in range(number):
        truth = stream.choice(3, images, p=PRIOR)
        prior = np.array([0.7 - 0.02 * fold, 0.2 + 0.02 * fold, 0.1])
        values = spread * (1.5 * np.eye(3)[truth] + np.log(prior) + stream.normal(size=(2, images, 3)))
        scores.append(Scores("logit", values, prior))
        targets.append(truth)
    return scores, targets


def balanced_accuracy(scores: list[Scores], targets: list, tau: float) -> float:
    right, total = [0, 0, 0], [0, 0, 0]
    for one, truth in zip(scores, targets, strict=True):
        for fit in one.values:
            for row, label in zip(fit, truth, strict=True):
                moved = [z - tau * math.log(p) for z, p in zip(row, one.prior, strict=True)]
                total[label] += 1
                right[label] += moved.index(max(moved)) == label
    return sum(r / t for r, t in zip(right, total, strict=True)) / 3


def test_tau_is_the_one_with_the_best_balanced_accuracy_and_of_equals_the_nearest_to_one():
    scores, targets = folds()
    found = LogitAdjustment(tau=None).fit(scores, targets).tau
    reached = {step / 20: balanced_accuracy(scores, targets, step / 20) for step in range(61)}
    equals = [tau for tau, value in reached.items() if value > max(reached.values()) - 1e-9]
    assert found == min(equals, key=lambda tau: abs(tau - 1))
    assert reached[found] > reached[0], "the scores follow the prior, so there is something to gain"
    assert LogitAdjustment(tau=0.5).fit(scores, targets).tau == 0.5, "a given one stays"


def test_scores_without_a_prior_leave_tau_at_one():
    scores, targets = folds()
    even = [Scores("logit", one.values, np.full(3, 1 / 3)) for one in scores]
    assert LogitAdjustment(tau=None).fit(even, targets).tau == 1.0


def test_logit_adjustment_subtracts_the_golden_logarithms():
    scores = Scores("logit", np.zeros((1, 1, 10)), PI)
    assert_allclose(LogitAdjustment().adjust(scores).values[0, 0], [-one for one in LOG_PI], atol=1e-3)


@pytest.mark.parametrize("tau", [0.0, 0.5, 1.0, 2.0])
def test_logit_adjustment_leaves_the_power_of_the_prior_that_it_did_not_take_away(tau):
    left = LogitAdjustment(tau=tau).adjust(Scores("logit", np.zeros((1, 4, 10)), PI)).prior
    powers = [p ** (1 - tau) for p in PI]
    assert_allclose(left, [one / sum(powers) for one in powers], rtol=1e-9)


def test_nothing_is_corrected_twice():
    """A second rule starts from the prior that the first has left."""
    scores = Scores("logit", np.random.default_rng(0).normal(size=(1, 20, 10)), PI)
    once = LogitAdjustment().adjust(scores)
    assert_allclose(LogitAdjustment().adjust(once).values - once.values, math.log(10), rtol=1e-9)
    target = PriorCorrection(target=PI[::-1].tolist())
    assert_allclose(np.ptp(target.adjust(once).values - target.adjust(scores).values, axis=-1), 0, atol=1e-9)
    assert_allclose(target.adjust(target.adjust(scores)).values, target.adjust(scores).values, rtol=1e-12)


def test_prior_correction_is_bayes_rule_an_image_at_a_time():
    values = np.random.default_rng(1).normal(size=(1, 30, 3))
    rule = PriorCorrection(shares={"b": 30, "a": 10, "c": 60}).for_classes(["a", "b", "c"])
    moved = rule.adjust(Scores("logit", values, PRIOR))
    for row, new in zip(values[0], moved.values[0], strict=True):
        before = [math.exp(z) / sum(map(math.exp, row)) for z in row]
        after = [p * to / was for p, to, was in zip(before, [0.1, 0.3, 0.6], PRIOR, strict=True)]
        assert_allclose(np.exp(new) / np.exp(new).sum(), [one / sum(after) for one in after], rtol=1e-9)
    assert_allclose(moved.prior, [0.1, 0.3, 0.6], rtol=1e-12)


def test_prior_correction_to_equal_shares_is_logit_adjustment():
    scores = Scores("logit", np.random.default_rng(1).normal(size=(2, 30, 10)), PI)
    difference = PriorCorrection(target=[0.1] * 10).adjust(scores).values - LogitAdjustment().adjust(scores).values
    assert_allclose(difference, difference.mean(), rtol=1e-9)


def test_without_shares_a_prior_is_corrected_to_that_of_the_images():
    """What a balanced sampler has evened out is put back."""
    scores, targets = folds()
    even = [Scores("logit", one.values, np.full(3, 1 / 3)) for one in scores]
    rule = PriorCorrection().fit(even, targets)
    counts = np.bincount(np.concatenate(targets))
    assert_allclose(rule.target, counts / counts.sum(), rtol=1e-4)
    assert_allclose(rule.shift(np.full(3, 1 / 3)), np.log(np.array(rule.target) * 3), rtol=1e-12)


def test_a_calibrated_prior_correction_finds_what_maximum_likelihood_does():
    scores, targets = folds(number=20, images=200, spread=3.0)
    rule = PriorCorrection(calibrate=True).fit(scores, targets)
    values = np.concatenate([one.values.reshape(-1, 3) for one in scores])
    truth = np.concatenate([np.tile(one, 2) for one in targets])

    def loss(place: np.ndarray) -> float:
        logs = values * place[0] + np.array([0, *place[1:]])
        return float(np.mean(np.log(np.exp(logs).sum(axis=1)) - logs[np.arange(len(truth)), truth]))

    best = minimize(loss, np.array([1.0, 0, 0]), method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-12}).x
    assert_allclose(rule.steepness(), best[0], rtol=0.02)
    offsets = np.array(rule.offsets)
    assert_allclose(offsets[1:] - offsets[0], best[1:], atol=0.05)
    moved = rule.for_classes("abc").adjust(scores[0])
    assert_allclose(moved.prior, np.bincount(truth) / len(truth), rtol=1e-4)


def test_a_temperature_is_that_of_maximum_likelihood_and_changes_no_decision():
    scores, targets = folds(number=20, images=200, spread=3.0)
    rule = Temperature().fit(scores, targets)
    values = np.concatenate([one.values.reshape(-1, 3) for one in scores])
    truth = np.concatenate([np.tile(one, 2) for one in targets])

    def loss(temperature: float) -> float:
        logs = values / temperature
        return float(np.mean(np.log(np.exp(logs).sum(axis=1)) - logs[np.arange(len(truth)), truth]))

    best = minimize_scalar(loss, bounds=(0.1, 20), method="bounded").x
    assert_allclose(rule.temperature, best, rtol=0.01)
    adjusted = rule.adjust(scores[0])
    assert_allclose(adjusted.values, scores[0].values / rule.temperature, rtol=1e-12)
    assert_array_equal(adjusted.decisions, scores[0].decisions)
    assert_array_equal(adjusted.prior, scores[0].prior)


@pytest.mark.parametrize(
    "rule", LEARNING, ids=lambda rule: f"{rule.name}{'-calibrated' * getattr(rule, 'calibrate', 0)}"
)
def test_the_labels_of_a_fold_say_nothing_of_how_its_scores_are_adjusted(rule):
    """Those of one fold are turned round: its own adjusted scores stay, to the bit, and those of the others change."""
    scores, targets = folds()
    turned = [targets[0], (targets[1] + 1) % 3, *targets[2:]]
    found = {}
    for name, labels in (("true", targets), ("turned", turned)):
        rounds = [SimpleNamespace(repeat=0, fold=fold, targets=one) for fold, one in enumerate(labels)]
        rounds.append(SimpleNamespace(repeat=0, fold=None, targets=np.zeros(5, dtype=int)))  # whose labels say nothing
        raw = [*scores, scores[0].with_values(scores[0].values[:, :5])]
        rules = cross_fitted(rule, rounds, raw)
        found[name] = [one.adjust(of_one).values for one, of_one in zip(rules, raw, strict=True)]
    assert_array_equal(found["true"][1], found["turned"][1])
    for other in (0, 2, 3, 4):
        assert (found["true"][other] != found["turned"][other]).any()


@pytest.mark.parametrize("rule", LEARNING)
def test_what_was_not_found_yet_adjusts_nothing(rule):
    with pytest.raises(ValueError, match=r"found|fitted|calibrated"):
        rule.adjust(Scores("logit", np.zeros((1, 2, 3)), PRIOR))


def test_shares_must_be_those_of_the_classes():
    with pytest.raises(InputError, match="no class 'd'"):
        PriorCorrection(shares={"a": 1, "d": 1}).for_classes(["a", "b"])
    with pytest.raises(InputError, match="the share of b is missing"):
        PriorCorrection(shares={"a": 1}).require(["a", "b"])
    with pytest.raises(ValidationError, match="greater than 0"):
        PriorCorrection(shares={"a": 0})


@pytest.mark.parametrize(
    "rule",
    [
        Threshold(offsets=[0.0, 1.0]),
        Threshold(offsets=[0.5]),
        PriorCorrection(target=[0.5]),
        PriorCorrection(target=[0.2, 0.2, 0.2, 0.4]),
        PriorCorrection(calibrate=True, temperature=1.0, offsets=[1.0]),
    ],
    ids=repr,
)
def test_numbers_that_are_not_one_a_class_are_refused_before_anything_is_trained(rule):
    for ask in (rule.require, rule.for_classes):
        with pytest.raises(InputError, match="for 3 classes; write one for each of a, b, c, in this order, or null"):
            ask(["a", "b", "c"])
    with pytest.raises(InputError, match="leave the target out"):
        PriorCorrection(shares={"a": 1, "b": 1}, target=[0.5, 0.5]).require(["a", "b"])


@pytest.mark.parametrize(
    "settings",
    [{"temperature": 3.0}, {"offsets": [1.0, 0.0]}, {"calibrate": True, "temperature": 3.0}],
    ids=repr,
)
def test_half_a_calibration_is_refused(settings):
    with pytest.raises(ValidationError, match="calibrat"):
        PriorCorrection(**settings)


def test_a_calibration_that_is_given_is_kept():
    scores, targets = folds()
    given = PriorCorrection(calibrate=True, temperature=2.0, offsets=[0.5, 0.0, -0.5])
    rule = given.fit(scores, targets)
    shares = np.bincount(np.concatenate(targets), minlength=3) / sum(map(len, targets))
    assert (rule.temperature, rule.offsets) == (2.0, [0.5, 0.0, -0.5])
    assert_allclose(rule.target, shares, atol=1e-4)
    assert_allclose(rule.adjust(scores[0]).values, scores[0].values / 2 + [0.5, 0.0, -0.5])
