"""Metric losses: against a plain loop, against pytorch-metric-learning, and what all of them promise."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from fits import each
from pytorch_metric_learning.distances import LpDistance
from pytorch_metric_learning.losses import SupConLoss, TripletMarginLoss
from pytorch_metric_learning.miners import BatchHardMiner, TripletMarginMiner
from pytorch_metric_learning.reducers import MeanReducer

from tasks.train.metric_losses import MetricLoss
from tasks.train.metric_losses.supervised_contrastive import SupervisedContrastive
from tasks.train.metric_losses.triplet import Triplet

SQUARED = LpDistance(power=2)  # of embeddings at length 1
LABELS = [0, 0, 0, 1, 1, 2, 2, 2, 2, 0]


def batch(seed: int = 0, labels: list[int] = LABELS) -> tuple[torch.Tensor, torch.Tensor]:
    """Unit vectors that lean to a direction of their class."""
    stream = np.random.default_rng(seed)
    rows = stream.normal(size=(len(labels), 5)) + np.eye(5)[np.array(labels) % 5]
    return torch.nn.functional.normalize(torch.tensor(rows)), torch.tensor(labels)


def apart(units: torch.Tensor, a: int, b: int) -> float:
    return float(((units[a] - units[b]) ** 2).sum())


def others(targets: torch.Tensor, anchor: int) -> tuple[list[int], list[int]]:
    """Rows of its class, without itself, and rows of others."""
    rows = range(len(targets))
    same = [row for row in rows if targets[row] == targets[anchor] and row != anchor]
    return same, [row for row in rows if targets[row] != targets[anchor]]


def hard_triplets(units: torch.Tensor, targets: torch.Tensor) -> Iterator[tuple[int, int, int]]:
    for anchor in range(len(targets)):
        same, rest = others(targets, anchor)
        if same and rest:
            yield (
                anchor,
                max(same, key=lambda row: apart(units, anchor, row)),
                min(rest, key=lambda row: apart(units, anchor, row)),
            )


def semi_hard_triplets(units: torch.Tensor, targets: torch.Tensor) -> Iterator[tuple[int, int, int]]:
    for anchor in range(len(targets)):
        same, rest = others(targets, anchor)
        for positive in same:
            farther = [row for row in rest if apart(units, anchor, row) > apart(units, anchor, positive)]
            if farther:
                yield anchor, positive, min(farther, key=lambda row: apart(units, anchor, row))


Mined = Callable[[torch.Tensor, torch.Tensor], Iterator[tuple[int, int, int]]]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("margin", [0.2, 1.5])
@pytest.mark.parametrize(("mining", "mined"), [("batch_hard", hard_triplets), ("semi_hard", semi_hard_triplets)])
def test_triplets_are_those_of_a_plain_loop(seed: int, margin: float, mining: str, mined: Mined) -> None:
    units, targets = batch(seed)
    losses = [max(0.0, apart(units, a, p) - apart(units, a, n) + margin) for a, p, n in mined(units, targets)]
    found = Triplet(margin=margin, mining=mining).of_batch(units, targets)
    assert found.item() == pytest.approx(np.mean(losses))


@pytest.mark.parametrize("seed", range(4))
def test_hard_triplets_are_those_of_pytorch_metric_learning(seed: int) -> None:
    units, targets = batch(seed)
    triplets = BatchHardMiner(distance=SQUARED)(units, targets)
    expected = TripletMarginLoss(margin=0.7, distance=SQUARED, reducer=MeanReducer())(units, targets, triplets)
    assert Triplet(margin=0.7).of_batch(units, targets).item() == pytest.approx(expected.item())


@pytest.mark.parametrize("seed", range(4))
def test_semi_hard_triplets_are_the_hardest_of_those_of_pytorch_metric_learning(seed: int) -> None:
    """That library takes all of them within the margin; the sum over pairs of the hardest is the paper's choice."""
    units, targets = batch(seed)
    margin = 0.7
    anchors, positives, negatives = TripletMarginMiner(margin, "semihard", distance=SQUARED)(units, targets)
    losses = TripletMarginLoss(margin=margin, distance=SQUARED, reducer=MeanReducer())
    hardest: dict[tuple[int, int], float] = {}
    for triplet in zip(anchors.tolist(), positives.tolist(), negatives.tolist(), strict=True):
        loss = losses(units, targets, tuple(torch.tensor([row]) for row in triplet)).item()
        hardest[triplet[:2]] = max(loss, hardest.get(triplet[:2], 0))
    pairs = len(list(semi_hard_triplets(units, targets)))
    found = Triplet(margin=margin, mining="semi_hard").of_batch(units, targets)
    assert hardest
    assert found.item() * pairs == pytest.approx(sum(hardest.values()))


@pytest.mark.parametrize("temperature", [0.07, 1.0])
def test_the_contrastive_loss_is_that_of_a_plain_loop_and_of_pytorch_metric_learning(temperature: float) -> None:
    units, targets = batch(3)
    losses = []
    for anchor in range(len(targets)):
        same, rest = others(targets, anchor)
        alike = [math.exp(float(units[anchor] @ units[row]) / temperature) for row in [*same, *rest]]
        losses.append(-np.mean([math.log(one / sum(alike)) for one in alike[: len(same)]]))
    found = SupervisedContrastive(temperature=temperature).of_batch(units, targets).item()
    assert found == pytest.approx(np.mean(losses))
    assert found == pytest.approx(SupConLoss(temperature=temperature)(units, targets).item())


def test_a_batch_that_is_told_apart_perfectly_costs_no_triplet_loss() -> None:
    units = torch.eye(3, dtype=torch.float64)[[0, 0, 1, 1, 2]]
    for mining in ("batch_hard", "semi_hard"):
        assert Triplet(mining=mining).of_batch(units, torch.tensor([0, 0, 1, 1, 2])).item() == 0


@each("metric_losses")
def test_gradients_agree_with_differences(component: MetricLoss) -> None:
    units, targets = batch(1)
    assert torch.autograd.gradcheck(lambda rows: component.of_batch(rows, targets), [units.requires_grad_()])


@each("metric_losses")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("labels", [[0, 0], [0, 1], [0, 1, 2], [0, 0, 1], [0] * 4 + [1] * 4])
def test_losses_and_gradients_stay_finite_where_rows_are_the_same_or_lack_a_partner(
    component: MetricLoss, dtype: torch.dtype, labels: list[int]
) -> None:
    for rows in (torch.ones(len(labels), 3) / 3**0.5, torch.zeros(len(labels), 3)):
        units = rows.to(dtype).requires_grad_()
        loss = component.of_batch(units, torch.tensor(labels))
        (gradient,) = torch.autograd.grad(loss, [units])
        assert loss.dtype == dtype
        assert loss.shape == ()
        assert loss.isfinite()
        assert loss >= 0
        assert gradient.isfinite().all()


@each("metric_losses")
def test_neither_names_nor_the_order_of_rows_matter(component: MetricLoss) -> None:
    units, targets = batch(2)
    expected = component.of_batch(units, targets).item()
    turned = torch.tensor(np.random.default_rng(0).permutation(len(targets)))
    assert component.of_batch(units[turned], 7 - targets[turned]).item() == pytest.approx(expected)


@each("metric_losses")
def test_a_step_against_the_gradient_lowers_the_loss(component: MetricLoss) -> None:
    units, targets = batch(4)
    loss = component.of_batch(units.requires_grad_(), targets)
    (gradient,) = torch.autograd.grad(loss, [units])
    assert component.of_batch(units - 1e-4 * gradient, targets) < loss
