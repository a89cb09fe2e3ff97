"""Every formula against published golden values and against plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from fits import hard_task
from numpy.testing import assert_allclose

from tasks.scores import Scores
from tasks.train.adamw import AdamW
from tasks.train.families.head import Head
from tasks.train.losses import balanced_weights, weighted_prior
from tasks.train.losses.balanced_softmax import BalancedSoftmax
from tasks.train.losses.binary_cross_entropy import BinaryCrossEntropy
from tasks.train.losses.class_balanced import ClassBalanced as ClassBalancedLoss
from tasks.train.losses.cross_entropy import CrossEntropy
from tasks.train.losses.focal import Focal
from tasks.train.losses.label_aware_smoothing import LabelAwareSmoothing
from tasks.train.losses.ldam import Ldam
from tasks.train.losses.logit_adjusted import LogitAdjusted
from tasks.train.losses.vs import VectorScaling
from tasks.train.losses.weighted_cross_entropy import WeightedCrossEntropy
from tasks.train.posthoc.logit_adjustment import LogitAdjustment
from tasks.train.samplers.class_balanced import ClassBalanced
from tasks.train.samplers.natural import Natural
from tasks.train.samplers.square_root import SquareRoot

CIFAR_LT = np.array([5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50], dtype=float)
LOGITS = [[2.0, -1.0, 0.5], [0.0, 0.0, 0.0], [-3.0, 4.0, 1.0], [1.5, 1.4, -2.0]]
TARGETS = [0, 2, 2, 1]
COUNTS = [60.0, 30.0, 10.0]


def numbers(text: str) -> list[float]:
    return [float(number) for number in text.split()]


def loop(weights: list[float], gamma: float) -> list[float]:
    """``-w_y (1 - p_y)^gamma log p_y``, an image at a time."""
    losses = []
    for logits, target in zip(LOGITS, TARGETS, strict=True):
        total = sum(math.exp(logit) for logit in logits)
        p = math.exp(logits[target]) / total
        losses.append(-weights[target] * (1 - p) ** gamma * math.log(p))
    return losses


def computed(loss, dtype: torch.dtype) -> np.ndarray:
    logits, counts = torch.tensor(LOGITS, dtype=dtype), torch.tensor(COUNTS, dtype=dtype)
    return loss.per_image(logits, torch.tensor(TARGETS), counts).numpy()


BALANCED = [100 / (3 * n) for n in COUNTS]
INVERSE_SQRT = [(10 / n) ** 0.5 for n in COUNTS]
_EFFECTIVE = [(1 - 0.99) / (1 - 0.99**n) for n in COUNTS]
EFFECTIVE = [3 * weight / sum(_EFFECTIVE) for weight in _EFFECTIVE]


@pytest.mark.parametrize(
    ("loss", "weights", "gamma"),
    [
        (CrossEntropy(), [1, 1, 1], 0),
        (WeightedCrossEntropy(weights="balanced"), BALANCED, 0),
        (WeightedCrossEntropy(weights="inverse_sqrt"), INVERSE_SQRT, 0),
        (WeightedCrossEntropy(weights="effective_number", beta=0.99), EFFECTIVE, 0),
        (Focal(gamma=2.0), [1, 1, 1], 2),
        (Focal(gamma=0.5), [1, 1, 1], 0.5),
        (Focal(gamma=2.0, alpha="balanced"), BALANCED, 2),
    ],
    ids=repr,
)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)], ids=str)
def test_a_loss_is_its_formula(loss, weights, gamma, dtype, tolerance):
    assert_allclose(computed(loss, dtype), loop(weights, gamma), rtol=tolerance)


def test_focal_loss_without_focus_is_weighted_cross_entropy():
    focal = computed(Focal(gamma=0, alpha="balanced"), torch.float64)
    assert_allclose(focal, computed(WeightedCrossEntropy(weights="balanced"), torch.float64), rtol=1e-12)


def test_balanced_weights_have_their_golden_values():
    golden = ".2481 .4139 .6908 1.1519 1.9234 3.2057 5.3474 8.9252 14.947 24.812"
    assert_allclose(WeightedCrossEntropy().class_weights(CIFAR_LT), numbers(golden), rtol=3e-4)
    assert_allclose(balanced_weights(np.array([4.0, 2.0, 7.0])), [1.0833, 2.1667, 0.6190], atol=5e-5)


@pytest.mark.parametrize(
    ("beta", "golden"),
    [
        (0.9999, ".0506 .0769 .1211 .1950 .3188 .5246 .8683 1.4426 2.4092 3.9927"),
        (0.999, ".1812 .1894 .2157 .2729 .3785 .5606 .8688 1.3862 2.2584 3.6883"),
    ],
)
def test_effective_number_weights_have_their_golden_values(beta, golden):
    weights = WeightedCrossEntropy(weights="effective_number", beta=beta).class_weights(CIFAR_LT)
    assert_allclose(weights, numbers(golden), atol=6e-5)
    assert math.isclose(weights.sum(), 10)


def test_inverse_weights_have_their_golden_values():
    inverse = balanced_weights(np.array([900.0, 80.0, 20.0]))
    assert_allclose(inverse / inverse.sum(), [0.0175, 0.1965, 0.7860], atol=6e-5)
    roots = WeightedCrossEntropy(weights="inverse_sqrt").class_weights(np.array([900.0, 225.0, 25.0]))
    assert_allclose(roots, [1 / 6, 1 / 3, 1])


def test_label_aware_smoothing_has_its_golden_values():
    golden = ".4 .3414 .2578 .1960 .1563 .1320 .1173 .1085 .1031 .1"
    assert_allclose(LabelAwareSmoothing(head=0.4, tail=0.1).smoothing(CIFAR_LT), numbers(golden), atol=6e-5)


def test_margins_have_their_golden_values():
    golden = ".1581 .1797 .2042 .2321 .2638 .2998 .3407 .3872 .4405 .5"
    assert_allclose(Ldam().margins(CIFAR_LT), numbers(golden), atol=6e-5)


def test_binary_weights_have_their_golden_values():
    weights = BinaryCrossEntropy(pos_weight="balanced").class_weights(np.array([900.0, 100.0]))
    assert_allclose(weights, [1 / 9, 9])


def test_class_balanced_weights_have_their_golden_values():
    golden = ".0506 .0769 .1211 .1950 .3188 .5246 .8683 1.4426 2.4092 3.9927"
    assert_allclose(ClassBalancedLoss(beta=0.9999).class_weights(CIFAR_LT), numbers(golden), atol=6e-5)


def test_counts_in_a_softmax_are_the_golden_log_priors():
    """With outputs of 0 the loss of a class is minus its log prior."""
    golden = numbers("-.9087 -1.4206 -1.9326 -2.4440 -2.9567 -3.4675 -3.9792 -4.4915 -5.0071 -5.5139")
    for loss, times in [(BalancedSoftmax(), 1), (LogitAdjusted(tau=1), 1), (VectorScaling(), 1)]:
        found = loss.per_image(torch.zeros(10, 10), torch.arange(10), torch.tensor(CIFAR_LT))
        assert_allclose(-found, [times * one for one in golden], atol=6e-5)


def test_inverse_power_weights_hold_the_two_that_have_names():
    roots, inverse = (WeightedCrossEntropy(weights="inverse_power", exponent=g).class_weights for g in (0.5, 1.0))
    assert_allclose(roots(CIFAR_LT), WeightedCrossEntropy(weights="inverse_sqrt").class_weights(CIFAR_LT))
    assert_allclose(inverse(CIFAR_LT) / balanced_weights(CIFAR_LT), 50 * 10 / 12406)


def test_logit_adjustment_takes_away_the_log_prior():
    prior = CrossEntropy().prior(CIFAR_LT)
    golden = numbers("-.9087 -1.4206 -1.9326 -2.4440 -2.9567 -3.4675 -3.9792 -4.4915 -5.0071 -5.5139")
    assert_allclose(np.log(prior), golden, atol=6e-5)
    scores = np.arange(20.0).reshape(2, 10)
    assert_allclose(LogitAdjustment(tau=1).adjust(Scores("logit", scores, prior)).values, scores - golden, atol=6e-5)
    assert_allclose(
        LogitAdjustment(tau=0.5).adjust(Scores("logit", scores, prior)).values, scores - np.array(golden) / 2, atol=6e-5
    )
    assert_allclose(LogitAdjustment(tau=0).adjust(Scores("logit", scores, prior)).values, scores)


@pytest.mark.parametrize(("sampler", "power"), [(Natural(), 1), (SquareRoot(), 0.5), (ClassBalanced(), 0)], ids=repr)
def test_class_shares_grow_with_a_power_of_the_count(sampler, power):
    total = sum(n**power for n in CIFAR_LT)
    assert_allclose(sampler.class_shares(CIFAR_LT), [n**power / total for n in CIFAR_LT])


def test_natural_sampling_takes_every_row_once():
    labels = np.array([0, 0, 1, 0, 1])
    assert sorted(Natural().epoch(labels, 2, np.random.default_rng(0))) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("loss", [WeightedCrossEntropy(weights="balanced"), Focal(alpha="balanced")], ids=repr)
def test_balanced_weights_leave_a_uniform_prior(loss):
    assert_allclose(loss.prior(CIFAR_LT), 0.1)


@pytest.mark.parametrize("loss", [WeightedCrossEntropy(), Focal(alpha="balanced")], ids=repr)
def test_weights_change_nothing_where_the_sampler_has_balanced_already(loss):
    assert_allclose(loss.class_weights(ClassBalanced().effective_counts(CIFAR_LT)), 1)


@pytest.mark.parametrize("sampler", [Natural(), SquareRoot(), ClassBalanced()], ids=repr)
@pytest.mark.parametrize(
    "loss",
    [CrossEntropy(), WeightedCrossEntropy(), WeightedCrossEntropy(weights="effective_number"), Focal(gamma=0)],
    ids=repr,
)
def test_a_model_that_sees_nothing_learns_the_prior_that_its_loss_names(loss, sampler):
    counts = np.array([60, 30, 10])
    targets = np.repeat([0, 1, 2], counts)
    effective = sampler.effective_counts(counts.astype(float))
    chance = torch.tensor(sampler.row_probabilities(targets, 3))
    # These losses are convex: where the gradient of the expected loss is zero is what training ends at.
    logits = torch.tensor(np.log(loss.prior(effective)), requires_grad=True)
    per_image = loss.per_image(logits.expand(100, 3), torch.tensor(targets), torch.tensor(effective))
    (gradient,) = torch.autograd.grad((chance * per_image).sum(), [logits])
    assert_allclose(gradient.numpy(), 0, atol=1e-12)


def test_the_prior_of_weights_is_their_product_with_the_counts():
    assert_allclose(weighted_prior(np.array([30.0, 10.0]), np.array([1.0, 2.0])), [0.6, 0.4])


def test_adamw_moves_as_that_of_torch():
    generator = torch.Generator().manual_seed(0)
    start = [torch.randn(3, 4, generator=generator), torch.randn(3, generator=generator)]
    data = torch.randn(20, 8, 4, generator=generator)
    own = [each.clone().requires_grad_() for each in start]
    theirs = [each.clone().requires_grad_() for each in start]
    mine = AdamW(own, learning_rate=0.01, weight_decay=0.1, steps=20)
    groups = [{"params": theirs[:1]}, {"params": theirs[1:], "weight_decay": 0.0}]
    reference = torch.optim.AdamW(groups, lr=0.01, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(reference, 20)
    for batch in data:
        mine.step(((batch @ own[0].T + own[1]) ** 2).mean())
        reference.zero_grad()
        ((batch @ theirs[0].T + theirs[1]) ** 2).mean().backward()
        reference.step()
        schedule.step()
    for left, right in zip(own, theirs, strict=True):
        assert_allclose(left.detach().numpy(), right.detach().numpy(), rtol=1e-5, atol=1e-5)


def gaussian(counts: list[int], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Overlapping classes in two dimensions whose best classifier is linear."""
    targets = np.repeat(np.arange(len(counts)), counts)
    means = 1.5 * np.array([[0, 0], [1, 0], [0, 1]])
    return (np.random.default_rng(seed).normal(size=(len(targets), 2)) + means[targets]).astype(np.float32), targets


def balanced_accuracy(scores: np.ndarray, targets: np.ndarray) -> float:
    return float(np.mean([(scores.argmax(1)[targets == c] == c).mean() for c in np.unique(targets)]))


def fitted(loss, sampler) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores and classes of fresh, balanced points by a head trained on imbalanced ones, and its effective prior."""
    features, targets = gaussian([900, 80, 20], seed=0)
    settings = {"steps": 300, "batch_size": 100, "learning_rate": 0.02, "weight_decay": 0.0}
    task = hard_task(features, targets, 3, loss, sampler, settings, 0)
    points, classes = gaussian([1000, 1000, 1000], seed=1)
    return task.fit(Head()).predict(points), classes, loss.prior(task.counts)


def test_logit_adjustment_raises_balanced_accuracy_of_a_plain_model():
    scores, classes, prior = fitted(CrossEntropy(), Natural())
    adjusted = balanced_accuracy(LogitAdjustment().adjust(Scores("logit", scores, prior)).values, classes)
    assert adjusted > balanced_accuracy(scores, classes) + 0.15
    means = 1.5 * np.array([[0, 0], [1, 0], [0, 1]])
    points, _ = gaussian([1000, 1000, 1000], seed=1)
    best = -((points[:, None, :] - means) ** 2).sum(2)  # Bayes' rule for equal priors
    assert adjusted > balanced_accuracy(best, classes) - 0.03


@pytest.mark.parametrize(
    ("loss", "sampler"),
    [
        (WeightedCrossEntropy(), Natural()),
        (CrossEntropy(), ClassBalanced()),
        (WeightedCrossEntropy(), ClassBalanced()),
    ],
    ids=repr,
)
def test_logit_adjustment_changes_nothing_after_weights_or_sampling(loss, sampler):
    scores, classes, prior = fitted(loss, sampler)
    adjusted = LogitAdjustment().adjust(Scores("logit", scores, prior)).values
    assert (adjusted.argmax(1) == scores.argmax(1)).all()
    assert balanced_accuracy(scores, classes) > 0.6


@pytest.mark.parametrize("hidden", [0, 16])
def test_weights_reach_the_balanced_accuracy_of_adjustment_with_every_size_of_head(hidden):
    features, targets = gaussian([900, 80, 20], seed=0)
    points, classes = gaussian([1000, 1000, 1000], seed=1)
    settings = {"steps": 300, "batch_size": 100, "learning_rate": 0.02, "weight_decay": 0.0}
    head = Head(hidden=hidden)
    task = hard_task(features, targets, 3, WeightedCrossEntropy(), Natural(), settings, 0)
    assert balanced_accuracy(task.fit(head).predict(points), classes) > 0.6


def test_seeds_start_a_head_from_different_weights():
    features, targets = gaussian([30, 20, 10], seed=0)
    settings = {"steps": 1, "batch_size": 60, "learning_rate": 1e-9, "weight_decay": 0.0}
    tasks = [hard_task(features, targets, 3, CrossEntropy(), Natural(), settings, seed) for seed in (0, 1)]
    first, second = (task.fit(Head()).state for task in tasks)
    assert np.abs(first["weight0"] - second["weight0"]).max() > 0.01
    assert_allclose(first["bias0"], np.log([30 / 60, 20 / 60, 10 / 60]), rtol=1e-6)


def test_features_are_standardised_by_the_training_rows():
    features, targets = gaussian([30, 20, 10], seed=0)
    settings = {"steps": 1, "batch_size": 60, "learning_rate": 0.01, "weight_decay": 0.0}
    state = hard_task(features, targets, 3, CrossEntropy(), Natural(), settings, 0).fit(Head()).state
    for column in range(2):
        values = [float(value) for value in features[:, column]]
        mean = sum(values) / 60
        assert_allclose(state["mean"][column], mean, rtol=1e-5)
        assert_allclose(state["deviation"][column], math.sqrt(sum((v - mean) ** 2 for v in values) / 60), rtol=1e-5)
