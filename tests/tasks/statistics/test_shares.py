"""Shares: intervals against golden values, scipy, plain formulas and trials."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.stats import binomtest

from tasks.statistics.interval import Interval
from tasks.statistics.shares import difference_of_shares, effective_trials, kish, mean_of_shares, wilson


def test_wilson_intervals_have_their_golden_values() -> None:
    assert np.round(wilson(14 / 23, 23, 0.95), 3).tolist() == [0.408, 0.778]
    low, high = wilson(np.array([0.0, 1.0]), np.array([23, 23]), 0.95)
    assert low[0] == 0
    assert high[1] == 1
    assert high[0] == pytest.approx(1 - low[1]) == pytest.approx(0.1431, abs=1e-4)


def test_effective_numbers_of_images_follow_the_variance_between_their_bounds() -> None:
    share = 14 / 23
    stream = np.random.default_rng(0)
    standard = stream.normal(size=5000)
    standard = (standard - standard.mean()) / standard.std(ddof=1)

    def trials(deviation: float, least: float, most: int, share: float = share) -> float:
        draws = share + deviation * standard
        return float(effective_trials(np.array(share), draws, np.array(least), np.array(most)))

    binomial = (share * (1 - share) / 23) ** 0.5
    assert trials(binomial, 5.0, 100) == pytest.approx(23)
    assert np.round(wilson(share, trials(binomial, 23.0, 23), 0.95), 3).tolist() == [0.408, 0.778]
    assert trials(binomial * 2**0.5, 5.0, 100) == pytest.approx(11.5)
    assert (trials(binomial * 10, 5.0, 100), trials(binomial / 10, 5.0, 100)) == (5, 100)
    assert [trials(0.1, 5.0, 100, share=end) for end in (0.0, 1.0)] == [5, 5]
    assert trials(0.0, 5.0, 100) == 5


@pytest.mark.parametrize(("hits", "n"), [(0, 5), (8, 10), (50, 50), (137, 400)])
def test_wilsons_interval_is_scipys(hits, n):
    expected = binomtest(hits, n).proportion_ci(method="wilson")
    assert wilson(hits / n, n) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_the_interval_of_one_share_is_its_own_and_perfect_shares_are_no_certainty():
    assert mean_of_shares([0.8], [10]) == pytest.approx(wilson(0.8, 10))
    low, high = mean_of_shares([1, 1, 1], [10, 10, 10])
    assert high == 1
    assert 0.7 < low < 0.95


def test_the_interval_of_a_balanced_accuracy_covers_it_about_as_often_as_it_says():
    generator = np.random.default_rng(0)
    recalls, counts = np.array([0.9, 0.6, 0.5]), np.array([200, 40, 15])
    covered = []
    for _ in range(400):
        low, high = mean_of_shares((generator.binomial(counts, recalls) / counts).tolist(), counts.tolist())
        covered.append(low <= recalls.mean() <= high)
    assert 0.92 <= np.mean(covered) <= 0.985


def test_wilsons_interval_is_that_of_the_books():
    assert wilson(0.8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)


def test_without_trials_any_share_may_be_the_true_one():
    assert wilson(0.5, 0) == (0, 1)
    low, high = wilson(np.array([0.0, 0.5]), np.array([0, 10]), 0.9)
    assert (low[0], high[0]) == (0, 1)
    assert (low[1], high[1]) == pytest.approx(wilson(0.5, 10, 0.9))


def test_kish_counts_groups_of_equal_size_and_fewer_where_one_dominates():
    assert kish(np.array([3, 3, 0, 3])) == pytest.approx(3)
    assert kish(np.array([8, 1, 1])) == pytest.approx(100 / 66)


@pytest.mark.parametrize("correlation", [-0.4, 0.0, 0.7])
def test_the_difference_of_two_shares_has_newcombes_interval(correlation):
    first, second, n = 0.3, 0.55, 80
    z = stats.norm.ppf(0.975)

    def ends(share: float) -> tuple[float, float]:
        root = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
        return (share + z**2 / (2 * n) - root) / (1 + z**2 / n), (share + z**2 / (2 * n) + root) / (1 + z**2 / n)

    (low1, high1), (low2, high2) = ends(first), ends(second)
    d, r = second - first, correlation
    low = d - np.sqrt((second - low2) ** 2 - 2 * r * (second - low2) * (high1 - first) + (high1 - first) ** 2)
    high = d + np.sqrt((high2 - second) ** 2 - 2 * r * (high2 - second) * (first - low1) + (first - low1) ** 2)
    found = difference_of_shares(Interval(first, low1, high1), Interval(second, low2, high2), correlation)
    assert (found.value, found.low, found.high) == pytest.approx((d, low, high))


def test_shares_that_move_together_differ_for_certain():
    one = Interval(0.5, 0.4, 0.6)
    assert difference_of_shares(one, one, 1.0) == Interval(0, 0, 0)
