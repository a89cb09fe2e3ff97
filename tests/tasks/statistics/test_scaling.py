"""Scales: columns of mean 0 and deviation 1, rows of length 1."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tasks.statistics.scaling import BoundedStandardisation, Standardisation, unit_vectors


def test_columns_come_to_mean_0_and_deviation_1_of_the_rows_that_decide():
    stream = np.random.default_rng(0)
    rows = stream.normal([5, -2, 100], [0.1, 3, 40], (400, 3))
    standard = Standardisation.of(rows)
    scaled = standard(rows)
    assert scaled.dtype == np.float32
    assert scaled.mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-5)
    assert scaled.std(axis=0) == pytest.approx(np.ones(3), abs=1e-5)
    others = stream.normal(size=(7, 3))
    assert standard(others) == pytest.approx((others - rows.mean(axis=0)) / rows.std(axis=0), rel=1e-4)


@pytest.mark.parametrize("value", [0, 0.1, 1e6 / 3])
def test_a_column_that_never_varied_is_0_for_every_row(value):
    standard = Standardisation.of(np.full((1001, 1), value))
    assert standard(np.array([[value], [7.0], [-1e9]])).tolist() == [[0], [0], [0]]


def test_vectors_come_to_length_1_and_one_of_length_0_stays():
    vectors = np.array([[3, 4], [0, 0], [-1e-9, 0]], dtype=np.float32)
    unit = unit_vectors(vectors)
    assert unit.dtype == np.float32
    assert unit == pytest.approx(np.array([[0.6, 0.8], [0, 0], [-1, 0]]))
    assert vectors[0].tolist() == [3, 4]


def test_a_bounded_scale_keeps_its_own_rows_and_brings_others_back_to_their_range():
    rows = np.array([[0.0, 5.0, 1.0], [2.0, 5.0, 1.5], [4.0, 5.0, 1.0]])
    bounded, plain = BoundedStandardisation.of(rows), Standardisation.of(rows)
    assert_array_equal(bounded(rows), plain(rows))
    assert_array_equal(
        bounded(np.array([[9.0, 7.0, 1.2], [-9.0, 5.0, 8.0]])), plain([[4.0, 5.0, 1.2], [0.0, 5.0, 1.5]])
    )
    again = BoundedStandardisation.kept(vars(bounded) | {"weight": rows})
    assert_array_equal(again(3 * rows), bounded(3 * rows))
