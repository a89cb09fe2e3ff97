"""Simultaneous intervals against those of independent and of equal differences."""

from __future__ import annotations

import numpy as np
from scipy import stats

from tasks.statistics.simultaneous import simultaneous


def test_simultaneous_intervals_of_independent_differences_have_sidak_width() -> None:
    draws = np.random.default_rng(0).normal(0.3, [[1.0], [2.0], [0.5], [1.0], [3.0]], (5, 40_000))
    low, high = simultaneous(np.full(5, 0.3), draws, 0.95)
    width = stats.norm.ppf((1 + 0.95 ** (1 / 5)) / 2)
    np.testing.assert_allclose((high - low) / 2, width * np.array([1.0, 2.0, 0.5, 1.0, 3.0]), rtol=0.03)


def test_simultaneous_intervals_of_one_difference_told_thrice_are_as_narrow_as_of_one() -> None:
    draws = np.random.default_rng(0).normal(0, 1, 40_000)
    low, high = simultaneous(np.zeros(3), np.stack([draws] * 3), 0.95)
    np.testing.assert_allclose((high - low) / 2, stats.norm.ppf(0.975), rtol=0.02)
