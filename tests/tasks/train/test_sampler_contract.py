"""What every sampler promises, beside what `test_train_samplers.py` asks of it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from fits import variants
from numpy.testing import assert_allclose, assert_array_equal

from tasks.registry import components
from tasks.train.interpolating import Interpolating
from tasks.train.samplers import Sampler

SAMPLERS: list[Sampler] = variants("tasks.train.samplers")
each_sampler = pytest.mark.parametrize("sampler", SAMPLERS, ids=repr)
COUNTS = {2: [100_000, 1], 3: [50, 12, 3], 50: [max(1, round(n)) for n in np.geomspace(100_000, 1, 50)]}
each_size = pytest.mark.parametrize("classes", COUNTS)


def powers(q: float) -> Callable[[list[int]], list[float]]:
    """``n_c^q``, as shares."""
    return lambda counts: [n**q / sum(one**q for one in counts) for n in counts]


REFERENCE = {  # the share of draws of each class, of the rows that there are then
    "natural": powers(1),
    "square_root": powers(0.5),
    "class_balanced": powers(0),
    "smote": powers(1),  # makes rows, and draws from all alike
    "borderline_smote": powers(1),
    "adasyn": powers(1),
}


def labels_of(classes: int) -> np.ndarray:
    """Every class, from some hundred rows to one."""
    return np.repeat(np.arange(classes), np.maximum(1, np.round(np.geomspace(300, 1, classes))).astype(int))


def test_every_sampler_has_its_formula() -> None:
    assert {*components("tasks.train.samplers")} <= {*REFERENCE}


@each_sampler
@each_size
def test_shares_of_draws_are_their_formula(sampler: Sampler, classes: int) -> None:
    counts = COUNTS[classes]
    expected = REFERENCE[sampler.name](counts)
    found = sampler.class_shares(np.array(counts, dtype=float))
    assert_allclose(found, expected, rtol=1e-12)
    assert np.isfinite(found).all()
    assert_allclose(sampler.effective_counts(np.array(counts, dtype=float)), np.array(expected) * sum(counts))


@each_sampler
@each_size
def test_a_row_is_drawn_with_its_class_divided_by_the_rows_of_the_class(sampler: Sampler, classes: int) -> None:
    labels = labels_of(classes)
    counts = np.bincount(labels)
    shares = REFERENCE[sampler.name](counts.tolist())
    found = sampler.row_probabilities(labels, classes)
    assert math.isclose(found.sum(), 1)
    assert_allclose(found, [shares[label] / counts[label] for label in labels])


@each_sampler
@each_size
def test_an_epoch_holds_rows_that_there_are_and_the_same_for_the_same_stream(sampler: Sampler, classes: int) -> None:
    labels = labels_of(classes)
    first, second = (sampler.epoch(labels, classes, np.random.default_rng(5)) for _ in range(2))
    assert_array_equal(first, second)
    assert first.shape == labels.shape
    assert first.dtype == np.int64
    assert ((first >= 0) & (first < len(labels))).all()


@each_sampler
def test_an_epoch_of_one_row_is_that_row(sampler: Sampler) -> None:
    assert_array_equal(sampler.epoch(np.array([1]), 2, np.random.default_rng(0)), [0])


@each_sampler
@each_size
def test_the_order_of_classes_plays_no_part(sampler: Sampler, classes: int) -> None:
    order = np.random.default_rng(1).permutation(classes)
    counts = np.array(COUNTS[classes], dtype=float)
    assert_allclose(sampler.class_shares(counts[order]), sampler.class_shares(counts)[order])
    labels = labels_of(classes)
    assert_allclose(
        sampler.row_probabilities(np.argsort(order)[labels], classes), sampler.row_probabilities(labels, classes)
    )


@each_sampler
@pytest.mark.parametrize("classes", [2, 50])
def test_rows_that_are_made_are_of_classes_that_need_some(sampler: Sampler, classes: int) -> None:
    counts = np.full(classes, max(sampler.fewest, 3))
    counts[0] = 40
    labels = np.repeat(np.arange(classes), counts)
    features = np.random.default_rng(0).normal(size=(len(labels), 5)).astype(np.float32)
    rows, made = sampler.with_made_rows(features, labels, 0)
    again, _ = sampler.with_made_rows(features, labels, 0)
    assert_array_equal(rows, again)
    assert rows.dtype == np.float32
    assert np.isfinite(rows).all()
    after = np.bincount(made, minlength=classes)
    assert (after >= counts).all()
    assert after[0] == 40
    assert (after[1:] > counts[1:]).any() == isinstance(sampler, Interpolating)
