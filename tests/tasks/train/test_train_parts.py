"""What every loss, post-hoc rule and family promises: a new part is held to it without a new test."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from fit_tasks import each, hard_task
from numpy.testing import assert_allclose, assert_array_equal
from safetensors.numpy import load, save

from tasks.params.models import Train
from tasks.train.families import FitTask
from tasks.train.losses.cross_entropy import CrossEntropy
from tasks.train.samplers.natural import Natural

COUNTS = np.array([50.0, 12.0, 3.0])


def random_batch(dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(7, 3, generator=generator, dtype=torch.float64)
    return logits.to(dtype), torch.tensor([0, 1, 2, 2, 1, 0, 0]), torch.tensor(COUNTS, dtype=dtype)


@each("losses")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_loss_gives_one_number_an_image_in_the_type_of_the_logits(part, dtype):
    logits, targets, counts = random_batch(dtype)
    values = part.per_image(logits, targets, counts)
    assert values.shape == (7,)
    assert values.dtype == dtype
    assert (values >= 0).all()


@each("losses")
def test_the_loss_of_an_image_does_not_depend_on_its_batch(part):
    logits, targets, counts = random_batch()
    whole = part.per_image(logits, targets, counts)
    alone = [part.per_image(logits[row : row + 1], targets[row : row + 1], counts).item() for row in range(7)]
    assert_allclose(whole.numpy(), alone, rtol=1e-12)


@each("losses")
def test_gradients_of_a_loss_agree_with_differences(part):
    logits, targets, counts = random_batch()
    assert torch.autograd.gradcheck(lambda z: part.per_image(z, targets, counts), [logits.requires_grad_()])


@each("losses")
def test_a_higher_logit_of_the_true_class_lowers_the_loss(part):
    logits, targets, counts = random_batch()
    better = logits + torch.nn.functional.one_hot(targets, 3)
    assert (part.per_image(better, targets, counts) < part.per_image(logits, targets, counts)).all()


@each("losses")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_losses_and_gradients_stay_finite_for_extreme_logits(part, dtype):
    logits = torch.tensor([[1e4, -1e4, 0], [-1e4, 1e4, 0], [0, 0, 0]], dtype=dtype, requires_grad=True)
    values = part.per_image(logits, torch.tensor([0, 0, 2]), torch.tensor(COUNTS, dtype=dtype))
    (gradient,) = torch.autograd.grad(values.sum(), [logits])
    assert values.isfinite().all()
    assert gradient.isfinite().all()


@each("losses")
def test_the_prior_of_a_loss_is_a_distribution_that_follows_the_order_of_classes(part):
    prior = part.prior(COUNTS)
    assert prior.shape == (3,)
    assert (prior > 0).all()
    assert math.isclose(prior.sum(), 1)
    assert_allclose(part.prior(COUNTS[[2, 0, 1]]), prior[[2, 0, 1]])


@each("losses")
def test_equal_counts_leave_a_uniform_prior_and_weigh_all_classes_the_same(part):
    logits, _, _ = random_batch()
    equal = torch.full((3,), 20.0, dtype=torch.float64)
    assert_allclose(part.prior(equal.numpy()), 1 / 3)
    same = logits[:1].expand(3, 3).clone()
    same[:] = 0.0
    values = part.per_image(same, torch.tensor([0, 1, 2]), equal)
    assert_allclose(values.numpy(), values[0].item())


@each("posthoc")
def test_a_posthoc_rule_leaves_its_input_as_it_was(part):
    scores = np.random.default_rng(0).normal(size=(5, 3))
    before = scores.copy()
    adjusted = part.adjust(scores, COUNTS / COUNTS.sum())
    assert adjusted.shape == (5, 3)
    adjusted += 1
    assert_array_equal(scores, before)


@each("posthoc")
def test_a_uniform_prior_leaves_every_decision(part):
    scores = np.random.default_rng(0).normal(size=(50, 4))
    adjusted = part.adjust(scores, np.full(4, 0.25))
    assert_array_equal(adjusted.argmax(1), scores.argmax(1))


def example_task(seed: int = 0, batch_size: int = 16) -> FitTask:
    """Three classes whose means lie apart, one feature constant."""
    generator = np.random.default_rng(1)
    targets = np.repeat(np.arange(3), [30, 20, 10])
    features = generator.normal(size=(60, 6)) + 4 * np.eye(3, 6)[targets]
    features[:, 5] = 2.5
    settings = Train(steps=120, batch_size=batch_size, learning_rate=0.05, weight_decay=0.01)
    return hard_task(features.astype(np.float32), targets, 3, CrossEntropy(), Natural(), settings, seed)


@each("families")
def test_a_family_learns_what_can_be_learnt(part):
    task = example_task()
    fit = part.fit(task)
    scores = part.predict(fit.state, task.features)
    assert scores.shape == (60, 3)
    assert scores.dtype == np.float64
    assert (scores.argmax(1) == task.targets).mean() > 0.9
    assert len(fit.losses) == 30  # of 4 steps each
    assert fit.losses[-1] < fit.losses[0]


@each("families")
def test_the_same_task_gives_the_same_bytes_whatever_was_fitted_before(part):
    first = save(dict(part.fit(example_task()).state))
    other = save(dict(part.fit(example_task(seed=1)).state))
    torch.rand(3)
    assert save(dict(part.fit(example_task()).state)) == first
    assert other != first


@each("families")
def test_a_saved_state_predicts_the_same(part):
    task = example_task()
    state = part.fit(task).state
    assert_array_equal(part.predict(load(save(dict(state))), task.features), part.predict(state, task.features))


@each("families")
def test_a_prediction_does_not_depend_on_the_rows_beside_it(part):
    task = example_task()
    state = part.fit(task).state
    whole = part.predict(state, task.features)
    alone = np.concatenate([part.predict(state, task.features[row : row + 1]) for row in range(60)])
    assert_allclose(alone, whole, rtol=1e-4, atol=1e-5)
    assert part.predict(state, task.features[:0]).shape == (0, 3)


@each("families")
def test_what_never_varied_in_training_says_nothing(part):
    task = example_task()
    state = part.fit(task).state
    shifted = task.features.copy()
    shifted[:, 5] = 100.0
    assert_array_equal(part.predict(state, shifted), part.predict(state, task.features))


@each("families")
def test_fitting_and_predicting_leave_the_features_as_they_were(part):
    task = example_task()
    before = task.features.copy()
    part.predict(part.fit(task).state, task.features)
    assert_array_equal(task.features, before)


@each("families")
def test_a_batch_larger_than_the_set_is_fine(part):
    assert all(map(math.isfinite, part.fit(example_task(batch_size=10_000)).losses))
