"""What every sampler promises, and what those that make rows promise of the rows: a new one is held to it as well."""

from __future__ import annotations

import math

import numpy as np
import pytest
from fits import each, hard_task, variants
from numpy.testing import assert_allclose, assert_array_equal

from tasks.train.interpolating import Interpolating
from tasks.train.losses.cross_entropy import CrossEntropy
from tasks.train.samplers.adasyn import Adasyn
from tasks.train.samplers.borderline_smote import BorderlineSmote
from tasks.train.samplers.class_balanced import ClassBalanced
from tasks.train.samplers.smote import Smote

COUNTS = np.array([50.0, 12.0, 3.0])
MAKERS = [component for component in variants("tasks.train.samplers") if isinstance(component, Interpolating)]
makers = pytest.mark.parametrize("maker", MAKERS, ids=repr)


@each("samplers")
def test_a_sampler_draws_rows_of_a_class_alike_and_classes_by_its_shares(component):
    labels = np.repeat([0, 1, 2], [50, 12, 3])
    shares = component.class_shares(COUNTS)
    probabilities = component.row_probabilities(labels, 3)
    assert math.isclose(shares.sum(), 1)
    for number in range(3):
        own = probabilities[labels == number]
        assert_allclose(own, own[0])
        assert math.isclose(own.sum(), shares[number])


@each("samplers")
def test_effective_counts_are_what_epochs_hold_on_average(component):
    labels = np.repeat([0, 1, 2], [50, 12, 3])
    generator = np.random.default_rng(0)
    drawn = [np.bincount(labels[component.epoch(labels, 3, generator)], minlength=3) for _ in range(2000)]
    effective = component.effective_counts(COUNTS)
    assert math.isclose(effective.sum(), COUNTS.sum())
    assert_allclose(np.mean(drawn, axis=0), effective, atol=0.5)  # standard error of the mean at most 0.09


@each("samplers")
def test_the_same_stream_draws_the_same_rows(component):
    labels = np.repeat([0, 1, 2], [50, 12, 3])
    first = component.epoch(labels, 3, np.random.default_rng(7))
    assert first.shape == labels.shape
    assert_array_equal(first, component.epoch(labels, 3, np.random.default_rng(7)))
    assert (first != component.epoch(labels, 3, np.random.default_rng(8))).any()


@each("samplers")
def test_a_class_without_rows_is_never_drawn(component):
    """It may still be the second label of mixed rows."""
    labels = np.repeat([0, 2], [5, 3])
    assert math.isclose(component.row_probabilities(labels, 3).sum(), 1)
    effective = component.effective_counts(np.array([5.0, 0.0, 3.0]))
    assert effective[1] == 0
    assert math.isclose(effective.sum(), 8)


def overlapping(counts: list[int], dimensions: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Classes that lie on each other, so that each has rows at the border."""
    targets = np.repeat(np.arange(len(counts)), counts)
    order = np.random.default_rng(seed).permutation(len(targets))
    values = np.random.default_rng(seed).normal(size=(len(targets), dimensions)) + 0.5 * targets[:, None]
    return values[order].astype(np.float32), targets[order]


@each("samplers")
def test_the_rows_given_stay_and_those_made_stand_behind_them(component):
    features, targets = overlapping([60, 25, 12])
    before = features.copy(), targets.copy()
    rows, classes = component.with_made_rows(features, targets, 0)
    assert_array_equal(rows[: len(targets)], before[0])
    assert_array_equal(classes[: len(targets)], before[1])
    assert_array_equal(features, before[0])
    assert rows.dtype == np.float32
    assert classes.dtype == targets.dtype
    assert rows.shape == (len(classes), 4)
    assert np.isfinite(rows).all()
    assert (len(rows) > len(targets)) == isinstance(component, Interpolating)


@each("samplers")
def test_a_seed_makes_the_same_rows_and_another_as_many_others(component):
    features, targets = overlapping([60, 25, 12])
    first, second, other = (component.with_made_rows(features, targets, seed) for seed in (3, 3, 4))
    assert first[0].tobytes() == second[0].tobytes()
    assert_array_equal(first[1], second[1])
    assert_array_equal(first[1], other[1])
    if isinstance(component, Interpolating):
        assert (first[0] != other[0]).any()


def distance_to_segments(point: np.ndarray, ends: np.ndarray) -> float:
    """How far a point is from the nearest line between any two of the rows, in plain geometry."""
    nearest = math.inf
    for start in ends:
        along = ends - start
        length = (along**2).sum(1)
        share = np.clip((along @ (point - start)) / np.where(length > 0, length, 1), 0, 1)
        nearest = min(nearest, float(np.linalg.norm(start + share[:, None] * along - point, axis=1).min()))
    return nearest


@makers
@pytest.mark.parametrize("components", [2, 64])
def test_a_new_row_lies_between_two_rows_of_its_class(maker, components):
    features, targets = overlapping([60, 25, 12], dimensions=6)
    rows, classes = maker.model_copy(update={"components": components}).with_made_rows(features, targets, 0)
    for row, number in zip(rows[len(targets) :], classes[len(targets) :], strict=True):
        assert distance_to_segments(row, features[targets == number].astype(np.float64)) < 1e-5


@makers
def test_new_rows_are_made_between_near_neighbours_only(maker):
    """Two heaps of one class far from each other: with 3 neighbours no line crosses from one to the other."""
    generator = np.random.default_rng(0)
    heaps = np.repeat([[-50.0, 0.0], [50.0, 0.0]], 10, axis=0) + generator.normal(size=(20, 2))
    common = np.repeat([[-50.0, 0.5], [50.0, 0.5]], 30, axis=0) + generator.normal(size=(60, 2))
    features = np.concatenate([heaps, common]).astype(np.float32)
    targets = np.repeat([1, 0], [20, 60])
    rows, _ = maker.model_copy(update={"k_neighbors": 3}).with_made_rows(features, targets, 0)
    assert len(rows) > len(targets)
    assert (np.abs(rows[:, 0]) > 40).all()


def test_neighbours_are_looked_for_where_the_rows_vary_most():
    """A class in two heaps along one direction; noise in 300 dimensions hides them from plain distances."""
    generator = np.random.default_rng(0)
    place = generator.choice([-1.0, 1.0], size=200)
    features = generator.normal(size=(200, 300))
    features[:, :10] += 3 * place[:, None]
    features, targets = features.astype(np.float32), np.repeat([1, 0], [60, 140])

    def between_the_heaps(components: int) -> int:
        new = Smote(components=components, k_neighbors=3).with_made_rows(features, targets, 0)[0][200:]
        return (np.abs(new[:, :10].mean(1)) < 1.5).sum()

    assert between_the_heaps(1) == 0
    assert between_the_heaps(300) > 0  # all dimensions: nothing is projected


def test_a_unit_of_measure_does_not_decide_who_is_near():
    features, targets = overlapping([60, 25, 12])
    scaled = features * np.array([1, 1000, 1, 1], dtype=np.float32)
    plain, other = (Smote().with_made_rows(each, targets, 0)[0] for each in (features, scaled))
    assert_allclose(other / np.array([1, 1000, 1, 1]), plain, rtol=1e-3, atol=1e-3)


@makers
def test_classes_grow_to_the_share_of_the_largest_that_is_asked_for(maker):
    features, targets = overlapping([60, 45, 12])
    _, classes = maker.model_copy(update={"grow_to": 0.5}).with_made_rows(features, targets, 0)
    found = np.bincount(classes)
    assert found[:2].tolist() == [60, 45]  # above the target: as they were
    assert found[2] == 30 if not isinstance(maker, Adasyn) else abs(found[2] - 30) <= 6  # rounded a row


@makers
def test_balanced_rows_need_no_others(maker):
    features, targets = overlapping([20, 20])
    rows, classes = maker.with_made_rows(features, targets, 0)
    assert rows is features
    assert classes is targets


@makers
@pytest.mark.parametrize(
    ("counts", "dimensions"), [([30, 2], 1), ([30, 2, 3], 4), ([7, 6], 1), ([30, 10], 200)], ids=str
)
def test_two_rows_or_one_dimension_are_enough(maker, counts, dimensions):
    """Fewer neighbours are looked for where there are fewer rows; more dimensions than rows do no harm."""
    features, targets = overlapping(counts, dimensions)
    rows, classes = maker.with_made_rows(features, targets, 0)
    assert rows.shape == (len(classes), dimensions)
    assert np.isfinite(rows).all()
    for row, number in zip(rows[len(targets) :], classes[len(targets) :], strict=True):
        assert distance_to_segments(row, features[targets == number].astype(np.float64)) < 1e-4


@makers
def test_features_that_never_vary_stay_as_they_are(maker):
    features, targets = overlapping([40, 10])
    features[:, 1] = 7.5
    assert (maker.with_made_rows(features, targets, 0)[0][:, 1] == 7.5).all()


@makers
def test_rows_far_from_all_others_are_made_by_plain_smote_only(maker):
    """The others make rows at borders, and here is none: the class stays as it is."""
    features, targets = overlapping([60, 20])
    features[targets == 1] += 100
    _, classes = maker.with_made_rows(features, targets, 0)
    assert np.bincount(classes)[1] == (60 if isinstance(maker, Smote) else 20)


def test_borderline_smote_starts_at_rows_with_half_but_not_all_neighbours_of_other_classes():
    """On a line: five rows of the class among themselves, four at the border, one lost among the others."""
    rare = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 1.0, 1.1, 1.2, 1.3, 3.05])
    common = np.concatenate([np.linspace(1.01, 1.29, 8), np.linspace(2.5, 3.5, 22)])
    features = np.concatenate([rare, common])[:, None].astype(np.float32)
    targets = np.repeat([1, 0], [10, 30])
    danger = []
    for value in rare:
        near = np.argsort(np.abs(features[:, 0] - value))[1:7]
        others = (targets[near] == 0).sum()
        danger.append(3 <= others < 6)
    assert danger == [False] * 5 + [True] * 4 + [False]
    new = BorderlineSmote(m_neighbors=6, k_neighbors=2).with_made_rows(features, targets, 0)[0][40:, 0]
    assert len(new) == 20
    assert (new >= 0.3).all()
    assert (new < 1.3 + 1e-6).all()


def test_adasyn_makes_rows_in_proportion_to_the_neighbours_of_other_classes():
    rng = np.random.default_rng(0)
    rare = rng.normal(size=(12, 2))
    common = rng.normal(size=(52, 2)) + 0.7
    features, targets = np.concatenate([rare, common]).astype(np.float32), np.repeat([1, 0], [12, 52])
    standard = (features - features.mean(0)) / features.std(0)
    shares = []
    for row in standard[:12]:
        near = np.argsort(np.linalg.norm(standard - row, axis=1))[1:6]
        shares.append((targets[near] == 0).mean())
    expected = sum(round(40 * share / sum(shares)) for share in shares)
    assert len(Adasyn().with_made_rows(features, targets, 0)[0]) == 64 + expected


@each("samplers")
def test_effective_counts_of_a_fit_are_those_of_the_rows_that_were_made(component):
    features, targets = overlapping([60, 25, 12])
    rows, classes = component.with_made_rows(features, targets, 0)
    task = hard_task(rows, classes, 3, CrossEntropy(), component, {}, 0)
    made = isinstance(component, Interpolating)
    expected = np.bincount(classes) if made else component.effective_counts(np.array([60.0, 25.0, 12.0]))
    assert_allclose(task.counts, expected, rtol=1e-14)


def test_smote_and_drawing_balanced_batches_leave_the_same_prior():
    features, targets = overlapping([60, 25, 12])
    rows, classes = Smote().with_made_rows(features, targets, 0)
    made = hard_task(rows, classes, 3, CrossEntropy(), Smote(), {}, 0)
    drawn = hard_task(features, targets, 3, CrossEntropy(), ClassBalanced(), {}, 0)
    assert_allclose(CrossEntropy().prior(made.counts), CrossEntropy().prior(drawn.counts))
