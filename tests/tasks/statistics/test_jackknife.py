"""The jackknife against formulas of the standard error, and trials."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tasks.statistics.jackknife import Jackknifed, jackknife


def difference(first: np.ndarray, second: np.ndarray):
    return lambda kept: np.array([first[kept[0]].mean() - second[kept[1]].mean()])


def singles(n: int) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros(n, dtype=np.int64), np.arange(n)


def test_leaving_out_single_images_gives_the_standard_error_of_a_difference_of_means():
    stream = np.random.default_rng(0)
    first, second = stream.normal(size=40), stream.normal(1, 2, size=25)
    found = jackknife(difference(first, second), [singles(40), singles(25)], blocks=1000)
    assert found.values[0] == pytest.approx(first.mean() - second.mean())
    assert found.errors[0] == pytest.approx(np.sqrt(first.var(ddof=1) / 40 + second.var(ddof=1) / 25))
    assert found.freedom == 24
    interval = found.interval(0)
    assert interval.high - interval.value == pytest.approx(stats.t.ppf(0.975, 24) * found.errors[0])


def test_relatives_that_are_copies_count_once():
    stream = np.random.default_rng(1)
    first, second = stream.normal(size=30), stream.normal(size=30)
    once = jackknife(difference(first, second), [singles(30), singles(30)], blocks=30)
    strata = np.zeros(90, dtype=np.int64)
    thrice = jackknife(
        difference(np.repeat(first, 3), second), [(strata, np.repeat(np.arange(30), 3)), singles(30)], 30
    )
    assert thrice.errors[0] == pytest.approx(once.errors[0])


def test_blocks_give_intervals_that_hold_the_truth_about_as_often_as_they_say():
    hits = 0
    for seed in range(300):
        stream = np.random.default_rng(seed)
        groups = np.repeat(np.arange(50), stream.integers(1, 4, 50))
        first = stream.normal(size=50)[groups] + stream.normal(0, 0.5, len(groups))
        second = stream.exponential(1, 45)
        found = jackknife(difference(first, second), [(np.zeros_like(groups), groups), singles(45)]).interval(0)
        hits += found.low <= -1 <= found.high
    assert 0.91 <= hits / 300 <= 0.985


def test_a_share_of_all_is_not_certain():
    found = Jackknifed(np.array([1.0]), np.array([0.0]), 19).share(0, 20)
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(20 / (20 + 1.96**2), abs=1e-3)


def test_what_cannot_be_told_without_a_block_is_left_out():
    def statistic(kept):
        return np.array([np.nan if not kept[0][0] else float(kept[0].sum())])

    found = jackknife(statistic, [singles(5)])
    assert (found.values[0], found.errors[0]) == (5.0, 0.0)
