"""What every loss promises: a new one is held to it without a new test, but for its formula as a plain loop."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from fits import variants
from loss_formulas import REFERENCE, softmax
from numpy.testing import assert_allclose, assert_array_equal

from tasks.errors import InputError
from tasks.registry import components
from tasks.train.losses import Loss
from tasks.train.losses.asymmetric import Asymmetric
from tasks.train.losses.class_balanced import ClassBalanced
from tasks.train.losses.cost_sensitive import CostSensitive
from tasks.train.losses.focal import Focal
from tasks.train.losses.label_aware_smoothing import LabelAwareSmoothing
from tasks.train.losses.ldam import Ldam
from tasks.train.losses.logit_adjusted import LogitAdjusted
from tasks.train.losses.vs import VectorScaling
from tasks.train.losses.weighted_cross_entropy import WeightedCrossEntropy

MORE = [  # settings that are numbers, away from their defaults
    WeightedCrossEntropy(weights="inverse_power", exponent=0.7),
    WeightedCrossEntropy(weights="effective_number", beta=0.9),
    Focal(gamma=0.5),
    LogitAdjusted(tau=0.4),
    VectorScaling(gamma=0.5, tau=0.3),
    VectorScaling(gamma=0.0, tau=1.5),
    LabelAwareSmoothing(head=0.6, tail=0.0),
    ClassBalanced(base="focal", gamma=0.5, beta=0.9),
    ClassBalanced(base="focal", gamma=3.0, beta=0.0),
    Ldam(max_margin=0.3, scale=4.0, weights="effective_number", beta=0.9),
    Asymmetric(gamma_pos=1.0, gamma_neg=2.0, clip=0.0),
    Asymmetric(gamma_pos=0.5, gamma_neg=0.5, clip=0.2),
]
LOSSES: list[Loss] = [*variants("tasks.train.losses", without=["none"]), *MORE]
losses = pytest.mark.parametrize("loss", LOSSES, ids=repr)
COUNTS = {2: [90.0, 10.0], 3: [50.0, 12.0, 3.0], 50: [float(n) for n in np.geomspace(100_000, 1, 50)]}
sizes = pytest.mark.parametrize("classes", COUNTS)


def counts_of(classes: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.tensor(COUNTS[classes], dtype=dtype)


def random_batch(classes: int = 3, dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and targets, of which every class has at least one."""
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(classes + 4, classes, generator=generator, dtype=torch.float64)
    return logits.to(dtype), torch.arange(classes + 4) % classes


def test_every_loss_has_its_formula():
    assert sorted([*REFERENCE, "none"]) == sorted(components("tasks.train.losses"))


@losses
@sizes
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-4), (torch.float64, 1e-9)], ids=str)
def test_a_loss_is_its_formula(loss, classes, dtype, tolerance):
    logits, targets = random_batch(classes, dtype)
    found = loss.per_image(logits, targets, counts_of(classes, dtype))
    rows = logits.double().tolist()
    expected = [REFERENCE[loss.name](loss, z, y, COUNTS[classes]) for z, y in zip(rows, targets.tolist(), strict=True)]
    assert found.dtype == dtype
    assert_allclose(found.numpy(), expected, rtol=tolerance, atol=tolerance)


@losses
@sizes
def test_a_loss_takes_bfloat16_outputs_of_a_network(loss, classes):
    logits, targets = random_batch(classes, torch.bfloat16)
    found = loss.per_image(logits, targets, counts_of(classes, torch.float32))
    exact = loss.per_image(logits.double(), targets, counts_of(classes))
    assert found.dtype == torch.bfloat16
    assert_allclose(found.float().numpy(), exact.numpy(), rtol=0.06, atol=0.06 * exact.max().item())


@losses
@sizes
def test_a_loss_is_not_negative_and_one_number_an_image(loss, classes):
    logits, targets = random_batch(classes)
    values = loss.per_image(logits, targets, counts_of(classes))
    assert values.shape == targets.shape
    assert (values >= 0).all()


@losses
@sizes
def test_the_loss_of_an_image_does_not_depend_on_its_batch(loss, classes):
    logits, targets = random_batch(classes)
    counts = counts_of(classes)
    whole = loss.per_image(logits, targets, counts)
    alone = [loss.per_image(z[None], y[None], counts).item() for z, y in zip(logits, targets, strict=True)]
    assert_allclose(whole.numpy(), alone, rtol=1e-12)


@losses
@sizes
def test_the_order_of_classes_plays_no_part(loss, classes):
    logits, targets = random_batch(classes)
    order = torch.randperm(classes, generator=torch.Generator().manual_seed(1))
    place = torch.argsort(order)  # where each class stands then
    counts = counts_of(classes)
    moved = loss.per_image(logits[:, order], place[targets], counts[order])
    assert_allclose(moved.numpy(), loss.per_image(logits, targets, counts).numpy(), rtol=1e-9)
    for of in (loss.prior, loss.start, loss.class_weights):
        assert_allclose(of(counts[order].numpy()), of(counts.numpy())[order.numpy()], rtol=1e-6, atol=1e-7)


@losses
def test_the_same_batch_gives_the_same_bits(loss):
    logits, targets = random_batch(50, torch.float32)
    first, second = (loss.per_image(logits, targets, counts_of(50, torch.float32)) for _ in range(2))
    assert torch.equal(first, second)


@losses
@sizes
def test_gradients_of_a_loss_agree_with_differences(loss, classes):
    logits, targets = random_batch(min(classes, 3))
    counts = counts_of(min(classes, 3))
    assert torch.autograd.gradcheck(lambda z: loss.per_image(z, targets, counts), [logits.requires_grad_()])


@pytest.mark.parametrize("loss", [one for one in LOSSES if one.name != "label_aware_smoothing"], ids=repr)
def test_a_higher_logit_of_the_true_class_lowers_the_loss(loss):
    logits, targets = random_batch()
    better = logits + torch.nn.functional.one_hot(targets, 3)
    assert (loss.per_image(better, targets, counts_of(3)) < loss.per_image(logits, targets, counts_of(3))).all()


def test_label_aware_smoothing_is_smallest_where_the_true_class_has_what_smoothing_leaves_it():
    loss, counts = LabelAwareSmoothing(), counts_of(3)
    for y, kept in enumerate(1 - loss.smoothing(counts.numpy())):
        shares = torch.full((3,), (1 - kept) / 2, dtype=torch.float64)
        shares[y] = kept
        logits = shares.log()[None].requires_grad_()
        (gradient,) = torch.autograd.grad(loss.per_image(logits, torch.tensor([y]), counts).sum(), [logits])
        assert_allclose(gradient.numpy(), 0, atol=1e-12)


@losses
@sizes
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_losses_and_gradients_stay_finite_for_extreme_logits_and_counts(loss, classes, dtype):
    logits = torch.zeros(3, classes, dtype=dtype)
    logits[0, 0], logits[0, 1], logits[1, 0], logits[1, 1] = 1e4, -1e4, -1e4, 1e4
    logits.requires_grad_()
    counts = torch.tensor(np.geomspace(1, 100_000, classes), dtype=torch.float32 if dtype == torch.bfloat16 else dtype)
    values = loss.per_image(logits, torch.tensor([0, 0, classes - 1]), counts)
    (gradient,) = torch.autograd.grad(values.sum(), [logits])
    assert values.isfinite().all()
    assert gradient.isfinite().all()
    for found in (loss.prior(counts.double().numpy()), loss.start(counts.double().numpy())):
        assert np.isfinite(found).all()


@losses
@sizes
def test_the_prior_of_a_loss_is_a_distribution(loss, classes):
    for weighing in (0.0, 0.5, 1.0):
        prior = loss.prior(np.array(COUNTS[classes]), weighing)
        assert prior.shape == (classes,)
        assert (prior > 0).all()
        assert math.isclose(prior.sum(), 1)


@losses
def test_equal_counts_leave_a_uniform_prior_and_weigh_all_classes_the_same(loss):
    equal = torch.full((3,), 20.0, dtype=torch.float64)
    assert_allclose(loss.prior(equal.numpy()), 1 / 3)
    values = loss.per_image(torch.zeros(3, 3, dtype=torch.float64), torch.tensor([0, 1, 2]), equal)
    assert_allclose(values.numpy(), values[0].item())


@losses
def test_without_its_weights_a_loss_is_what_is_weighed(loss):
    logits, targets = random_batch()
    counts = counts_of(3)
    plain, half, full = (loss.per_image(logits, targets, counts, weighing) for weighing in (0.0, 0.5, 1.0))
    assert_array_equal(plain.numpy(), loss.unweighted(logits, targets, counts).numpy())
    assert_array_equal(full.numpy(), loss.per_image(logits, targets, counts).numpy())
    assert_allclose(half.numpy(), (plain + full).numpy() / 2)
    assert_array_equal(loss.weights_in_effect(counts.numpy()), loss.class_weights(counts.numpy()))
    assert loss.weighs == (not np.allclose(loss.class_weights(counts.numpy()), 1))
    assert (loss.class_weights(counts.numpy()) > 0).all()


def is_approximate(loss: Loss) -> bool:
    """Whether the prior is one by convention, as the loss's docstring says."""
    scaled = isinstance(loss, VectorScaling) and loss.gamma > 0 and loss.tau != 1
    return loss.name in ("focal", "cost_sensitive", "ldam") or scaled


@pytest.mark.parametrize("loss", [one for one in LOSSES if not is_approximate(one)], ids=repr)
@sizes
@pytest.mark.parametrize("weighing", [0.0, 1.0])
def test_a_model_that_sees_nothing_learns_where_the_loss_starts_it_and_so_the_prior(loss, classes, weighing):
    """No step leads away from `start`, for outputs that are the same for all images, and scores there are the prior."""
    counts = np.array(COUNTS[classes])
    outputs = torch.tensor(loss.start(counts, weighing)).requires_grad_()
    values = loss.per_image(outputs.expand(classes, classes), torch.arange(classes), torch.tensor(counts), weighing)
    weights = loss.weights_in_effect(counts, weighing) if loss.name == "class_balanced" else np.ones(classes)
    mean = (torch.tensor(counts / (counts * weights).sum()) * values).sum()
    (gradient,) = torch.autograd.grad(mean, [outputs])
    assert_allclose(gradient.numpy(), 0, atol=1e-7)
    scores = torch.nn.functional.logsigmoid(outputs) if loss.one_vs_rest else outputs
    assert_allclose(scores.softmax(0).detach().numpy(), loss.prior(counts, weighing), rtol=1e-6)


def test_costs_by_names_are_a_weight_a_class_times_relative_costs():
    cost = {"rust": {"fine": 20.0, "crack": 4.0}, "crack": {"fine": 3.0}}
    loss = CostSensitive(cost=cost).for_classes(["crack", "fine", "rust"])
    matrix = [[0, 3, 1], [1, 0, 1], [4, 20, 0]]
    logits, targets = random_batch()
    found = loss.per_image(logits, targets, counts_of(3))
    for row, z, y in zip(found, logits.tolist(), targets.tolist(), strict=True):
        assert math.isclose(row, sum(c * p for c, p in zip(matrix[y], softmax(z), strict=True)), rel_tol=1e-9)
    assert_allclose(loss.class_weights(np.array(COUNTS[3])), [2, 1, 12])
    shares = [50 * 2, 12 * 1, 3 * 12]
    assert_allclose(loss.prior(np.array(COUNTS[3])), [one / sum(shares) for one in shares])
    assert_allclose(loss.per_image(logits, targets, counts_of(3), 0.0), found / torch.tensor([2, 1, 12])[targets])
    other = CostSensitive(cost=cost).for_classes(["rust", "crack", "fine"])
    order = torch.tensor([2, 0, 1])
    moved = other.per_image(logits[:, order], torch.argsort(order)[targets], counts_of(3)[order])
    assert_allclose(moved, found)


@pytest.mark.parametrize(
    ("cost", "told"),
    [
        ({"rust": {"fin": 2.0}}, r"params.yaml: loss.cost: there is no class 'fin' \(did you mean 'fine'\?\)"),
        ({"fine": {"fine": 1.0}}, "'fine' taken for 'fine' is no error"),
        ({"rust": {"fine": 0.0}}, "no error on 'rust' costs anything"),
    ],
)
def test_costs_that_are_none_are_refused(cost, told):
    with pytest.raises(InputError, match=told):
        CostSensitive(cost=cost).require(["fine", "rust"])


def test_costs_by_names_have_no_value_before_the_order_of_classes_is_known():
    with pytest.raises(TypeError, match="ask for_classes first"):
        CostSensitive(cost={"a": {"b": 2.0}}).class_weights(np.ones(2))


def test_smoothing_of_common_classes_below_that_of_rare_ones_is_refused():
    with pytest.raises(ValueError, match="is above head"):
        LabelAwareSmoothing(head=0.2, tail=0.3)
