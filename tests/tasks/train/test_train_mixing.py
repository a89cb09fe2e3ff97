"""What every mixing promises: a new one is held to it without a new test."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import pytest
import torch
from fits import each, hard_task
from numpy.testing import assert_allclose, assert_array_equal

from tasks.train.families.head import Head
from tasks.train.labels import Labels
from tasks.train.losses.cross_entropy import CrossEntropy
from tasks.train.mixing import Mixing
from tasks.train.mixing.cmo import Cmo
from tasks.train.mixing.cutmix import CutMix
from tasks.train.mixing.mixup import Mixup
from tasks.train.mixing.none import Unmixed
from tasks.train.mixing.remix import Remix
from tasks.train.samplers.natural import Natural

COUNTS = np.array([900.0, 280.0, 90.0, 30.0])


def batch(rows: int = 60, shape: tuple[int, ...] = (3, 9, 7), seed: int = 0) -> tuple[torch.Tensor, Labels]:
    """Images (features, where a test asks for them), every class about as often."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(rows, *shape, generator=generator), Labels(torch.arange(rows) % 4)


def shape_for(component: Mixing) -> tuple[int, ...]:
    return (3, 9, 7) if component.inputs == "images" else (5,)


def parts_of(labels: Labels) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First and second classes, and shares of the first."""
    first = labels.first.numpy()
    second, share = labels.mixed if labels.mixed else (labels.first, torch.ones(len(first)))
    return first, second.numpy(), share.numpy()


def mass(labels: Labels) -> np.ndarray:
    first, second, share = parts_of(labels)
    return np.bincount(first, share, 4) + np.bincount(second, 1 - share.astype(float), 4)


@each("mixing")
@pytest.mark.parametrize("rows", [1, 2, 60])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_mixed_batch_has_its_shape_and_type_and_shares_between_0_and_1(component, rows, dtype):
    inputs, labels = batch(rows, shape_for(component))
    for seed in range(20):
        mixed, soft = component.mix(inputs.to(dtype), labels, COUNTS, np.random.default_rng(seed))
        first, second, share = parts_of(soft)
        assert mixed.shape == inputs.shape
        assert mixed.dtype == dtype
        assert (mixed >= 0).all()
        assert (mixed <= 1).all()
        assert_array_equal(first, labels.first)
        assert second.dtype == np.int64
        assert set(second) <= set(first)
        assert ((share >= 0) & (share <= 1)).all()
        if soft.mixed:
            assert soft.mixed[1].dtype == dtype


@each("mixing")
def test_the_same_stream_mixes_the_same(component):
    inputs, labels = batch(60, shape_for(component))
    one, two = (component.mix(inputs, labels, COUNTS, np.random.default_rng(3)) for _ in range(2))
    other = component.mix(inputs, labels, COUNTS, np.random.default_rng(4))
    assert torch.equal(one[0], two[0])
    for left, right in zip(parts_of(one[1]), parts_of(two[1]), strict=True):
        assert_array_equal(left, right)
    assert torch.equal(one[0], other[0]) == isinstance(component, Unmixed)


@each("mixing")
def test_mixing_leaves_the_batch_as_it_was(component):
    inputs, labels = batch(60, shape_for(component))
    before = inputs.clone(), labels.first.clone()
    component.mix(inputs, labels, COUNTS, np.random.default_rng(0))
    assert torch.equal(inputs, before[0])
    assert torch.equal(labels.first, before[1])


@each("mixing")
def test_a_row_alone_stays_what_it_is(component):
    inputs, labels = batch(1, shape_for(component))
    mixed, soft = component.mix(inputs, labels, COUNTS, np.random.default_rng(0))
    assert_allclose(mixed, inputs, rtol=1e-6)
    assert_allclose(mass(soft), [1, 0, 0, 0])


def check_effective_counts(component: Mixing, draws: int) -> None:
    """Monte Carlo: a batch with the class shares of the counts, images of a size at which pixels hardly count.

    There is one share a batch, so what a class loses or gains in one varies about as much as it does on average.
    """
    first = torch.from_numpy(np.repeat(np.arange(4), (COUNTS / 10).astype(int)))
    shape = (1, 30, 30) if component.inputs == "images" else (1,)
    inputs = torch.zeros(len(first), *shape)
    chance = np.random.default_rng(0)
    found = np.mean([mass(component.mix(inputs, Labels(first), COUNTS, chance)[1]) for _ in range(draws)], axis=0)
    expected = component.effective_counts(COUNTS) / 10
    assert math.isclose(expected.sum(), len(first))
    assert (expected > 0).all()
    change = np.abs(expected - COUNTS / 10).max()
    assert_allclose(found, expected, atol=5 * (change + 1) / math.sqrt(draws))


@each("mixing")
def test_effective_counts_are_the_label_mass_that_batches_have_on_average(component):
    check_effective_counts(component, draws=700)


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("alpha", [0.2, 1.0, 5.0])
@pytest.mark.parametrize("ratio", [1.5, 3.0])
def test_remix_expects_the_right_counts_for_all_its_parameters(ratio, alpha, threshold):
    check_effective_counts(Remix(alpha=alpha, ratio=ratio, threshold=threshold), draws=2000)


@pytest.mark.parametrize("alpha", [0.2, 5.0])
def test_cmo_expects_the_right_counts_for_all_its_parameters(alpha):
    check_effective_counts(Cmo(alpha=alpha), draws=700)


def test_the_share_that_cmo_cuts_is_known_in_closed_form():
    """Alpha 1 by hand: the mean of ``u - u^1.5 / 2 + u^2 / 16`` over u from 0 to 1."""
    cut = 1 / 2 - 1 / 5 + 1 / 48
    inverse = (1 / COUNTS) / (1 / COUNTS).sum()
    assert_allclose(Cmo().effective_counts(COUNTS), (1 - cut) * COUNTS + cut * COUNTS.sum() * inverse)


@pytest.mark.parametrize("component", [Unmixed(), Mixup(), CutMix()], ids=repr)
def test_what_shares_label_and_input_alike_leaves_the_counts(component):
    assert_array_equal(component.effective_counts(COUNTS), COUNTS)


@pytest.mark.parametrize("component", [Remix(), Cmo()], ids=repr)
def test_what_leans_to_rare_classes_takes_from_the_commonest(component):
    effective = component.effective_counts(COUNTS)
    assert effective[0] < COUNTS[0]
    assert (effective[2:] > COUNTS[2:]).all()


def test_classes_that_are_about_as_frequent_are_remixed_as_by_mixup():
    counts = np.array([100.0, 250.0, 120.0])
    assert_allclose(Remix().effective_counts(counts), counts)


def test_remix_expects_what_its_formula_says_for_two_classes():
    """Alpha 1 and threshold 0.5 by hand: of the pairs of both classes the common one keeps 3/8 of the label."""
    common, rare = 900 / 1000, 100 / 1000
    kept = 3 / 8  # the integral of lambda from 0.5 to 1
    expected = [1000 * (common**2 + 2 * common * rare * kept), 1000 * (rare**2 + 2 * common * rare * (1 - kept))]
    assert_allclose(Remix().effective_counts(np.array([900.0, 100.0])), expected)


@pytest.mark.parametrize("component", [Mixup(alpha=2.0), Remix()], ids=repr)
def test_mixed_inputs_lie_on_the_lines_between_rows_and_the_label_of_mixup_says_where(component):
    inputs, labels = batch(40, (5,))
    labels = Labels(torch.arange(40) % 4)
    mixed, soft = component.mix(inputs, labels, np.full(4, 10.0), np.random.default_rng(1))
    first, second, share = parts_of(soft)
    rows = inputs.numpy()
    for row in range(40):
        candidates = [
            other
            for other in np.flatnonzero(labels.first.numpy() == second[row])
            if np.allclose(share[row] * rows[row] + (1 - share[row]) * rows[other], mixed[row], atol=1e-5)
        ]
        assert candidates, row
    assert len(set(share.tolist())) == 1
    assert first.tolist() == labels.first.tolist()


def test_remix_labels_follow_its_rule_pair_by_pair():
    inputs, labels = batch(60, (5,))
    for seed in range(10):
        share = np.random.default_rng(seed).beta(1.0, 1.0)  # the first draw of the stream
        _, soft = Remix().mix(inputs, labels, COUNTS, np.random.default_rng(seed))
        for i, j, found in zip(*parts_of(soft), strict=True):
            frequency = COUNTS[i] / COUNTS[j]
            if frequency >= 3 and share < 0.5:
                expected = 0.0
            elif frequency <= 1 / 3 and 1 - share < 0.5:
                expected = 1.0
            else:
                expected = share
            assert math.isclose(found, expected, rel_tol=1e-6)


@pytest.mark.parametrize("component", [CutMix(), Cmo()], ids=repr)
@pytest.mark.parametrize("size", [(9, 7), (1, 1), (10, 400)])
def test_pasted_images_hold_one_box_of_another_and_labels_go_by_its_area(component, size):
    """Every image is one number in all pixels, so that a pixel tells where it comes from."""
    inputs = torch.arange(12.0)[:, None, None, None].expand(12, 2, *size).contiguous()
    labels = Labels(torch.arange(12) % 4)
    for seed in range(20):
        mixed, soft = component.mix(inputs, labels, COUNTS, np.random.default_rng(seed))
        for row, (i, j, share) in enumerate(zip(*parts_of(soft), strict=True)):
            foreign = (mixed[row, 0] != row).numpy()
            assert (mixed[row, 0] == mixed[row, 1]).all()
            assert i == row % 4
            if foreign.any():
                high, wide = np.flatnonzero(foreign.any(1)), np.flatnonzero(foreign.any(0))
                assert foreign[high[0] : high[-1] + 1, wide[0] : wide[-1] + 1].all()
                source = np.unique(mixed[row, 0].numpy()[foreign])
                assert len(source) == 1
                assert int(source[0]) % 4 == j
                assert math.isclose(share, 1 - foreign.mean(), abs_tol=1e-6)


def test_the_foreground_of_cmo_is_rare():
    """Drawn by class with weight 1 / n_c, whatever the batch holds."""
    labels = Labels(torch.from_numpy(np.repeat(np.arange(4), [70, 20, 8, 2])))
    inputs = torch.zeros(100, 1, 4, 4)
    chance = np.random.default_rng(0)
    drawn = np.zeros(4)
    for _ in range(300):
        _, second, _ = parts_of(Cmo().mix(inputs, labels, COUNTS, chance)[1])
        drawn += np.bincount(second, minlength=4)
    expected = (1 / COUNTS) / (1 / COUNTS).sum()
    assert_allclose(drawn / drawn.sum(), expected, atol=0.015)


@pytest.mark.parametrize("component", [Mixup(), Remix()], ids=repr)
def test_a_head_that_mixes_learns_gives_the_same_bytes_and_names_the_prior_of_the_mixes(component):
    generator = np.random.default_rng(0)
    targets = np.repeat(np.arange(3), [60, 20, 12])
    features = (generator.normal(size=(92, 6)) + 4 * np.eye(3, 6)[targets]).astype(np.float32)
    settings = {"steps": 150, "batch_size": 32, "learning_rate": 0.05, "weight_decay": 0.01}

    def task(mixing: Mixing | None, seed: int = 0):
        return hard_task(features, targets, 3, CrossEntropy(), Natural(), settings, seed, mixing)

    fit = task(component).fit(Head())
    assert (fit.predict(features).argmax(1) == targets).mean() > 0.9
    assert task(component).fit(Head()).files == fit.files
    assert task(None).fit(Head()).files != fit.files
    assert task(component, seed=1).fit(Head()).files != fit.files
    assert_allclose(task(component).counts, component.effective_counts(np.array([60.0, 20.0, 12.0])))


@pytest.mark.parametrize("component", [Mixup(alpha=1.0), Remix()], ids=repr)
def test_a_model_that_sees_nothing_learns_the_prior_of_the_mixes(component):
    """Features that say nothing: what is left for the bias is the label mass that the mixing expects."""
    targets = np.repeat(np.arange(3), [600, 150, 50])
    features = np.random.default_rng(0).normal(size=(800, 1)).astype(np.float32) * 1e-9
    settings = {"steps": 400, "batch_size": 200, "learning_rate": 0.05, "weight_decay": 0.0}
    task = hard_task(features, targets, 3, CrossEntropy(), Natural(), settings, 0, component)
    fit = task.fit(Head())
    scores = fit.predict(np.zeros((1, 1), dtype=np.float32) + features.mean())
    learnt = np.exp(scores[0]) / np.exp(scores[0]).sum()
    assert_allclose(learnt, CrossEntropy().prior(task.counts), atol=0.02)


class Noting(Unmixed):
    """Notes the batches, and what its random stream gives."""

    seen: ClassVar[list[tuple[np.ndarray, np.ndarray]]] = []

    def mix(
        self, inputs: torch.Tensor, labels: Labels, counts: np.ndarray, chance: np.random.Generator
    ) -> tuple[torch.Tensor, Labels]:
        Noting.seen.append((labels.first.numpy(), chance.permutation(len(inputs))))
        return inputs, labels


def test_mixing_has_a_random_stream_of_its_own_and_leaves_the_order_of_rows():
    targets = np.arange(40)
    features = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
    Noting.seen.clear()
    for mixing in (Noting(), Noting()):
        settings = {"steps": 3, "batch_size": 40}
        hard_task(features, targets, 40, CrossEntropy(), Natural(), settings, 7, mixing).fit(Head())
    order = np.random.default_rng(7)
    for (rows, drawn), (again, same) in zip(Noting.seen[:3], Noting.seen[3:], strict=True):
        natural = order.permutation(40)
        assert_array_equal(rows, natural)
        assert_array_equal(rows, again)
        assert_array_equal(drawn, same)
        assert (drawn != natural).any()
