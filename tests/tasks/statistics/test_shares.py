"""Shares: intervals against golden values, scipy, plain formulas and trials."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.stats import binomtest

from tasks.statistics.interval import Interval
from tasks.statistics.shares import (
    clustered_wilson,
    correlations,
    difference_of_shares,
    effective_trials,
    kish,
    mean_of_shares,
    weighted_mean,
    wilson,
)


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

    def known(groups: float, images: float) -> float:
        """What so many groups show of a variance, and how sure of it they are."""
        ratio = stats.t.ppf(0.975, images - 1) / stats.t.ppf(0.975, groups - 1)
        return (1 - 1 / groups) * ratio**2

    def trials(deviation: float, least: float, most: int, share: float = share) -> float:
        draws = share + deviation * standard
        return float(effective_trials(np.array(share), draws, np.array(least), np.array(most)))

    binomial = (share * (1 - share) / 23) ** 0.5
    assert trials(binomial, 5.0, 100) == pytest.approx(23 * known(5, 100)) == pytest.approx(9.4, abs=0.1)
    assert trials(binomial, 15.0, 100) == pytest.approx(23 * known(15, 100))
    assert np.round(wilson(share, trials(binomial, 23.0, 23), 0.95), 3).tolist() == [0.408, 0.778]
    assert trials(binomial / 2**0.5, 5.0, 100) == pytest.approx(46 * known(5, 100))
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


def test_a_weighted_mean_has_its_interval_from_those_of_its_parts() -> None:
    values, low, high = np.array([0.2, 0.5, 0.9]), np.array([0.1, 0.3, 0.85]), np.array([0.4, 0.6, 1.0])
    weights, together = np.array([0.5, 0.2, 0.3]), np.array([[1, 0.5, 0], [0.5, 1, -0.2], [0, -0.2, 1]])
    below = above = 0.0
    for i in range(3):
        for j in range(3):
            below += weights[i] * weights[j] * together[i, j] * (values[i] - low[i]) * (values[j] - low[j])
            above += weights[i] * weights[j] * together[i, j] * (high[i] - values[i]) * (high[j] - values[j])
    mean = float((weights * values).sum())
    expected = (mean - below**0.5, mean + above**0.5)
    assert weighted_mean(values, low, high, weights, together) == pytest.approx(expected)
    alike = weighted_mean(values, low, high, weights, np.ones((3, 3)))
    assert alike == pytest.approx((weights @ low, weights @ high)), "parts that move together"


def test_what_does_not_vary_goes_with_nothing_else() -> None:
    draws = np.random.default_rng(0).normal(size=(3, 50))
    draws[2] = 1.0
    draws[0, 7] = np.nan
    whole = np.delete(draws, 7, axis=1)
    expected = np.eye(3)
    expected[:2, :2] = np.corrcoef(whole[:2])
    np.testing.assert_allclose(correlations(draws), expected)


@pytest.mark.parametrize(("number", "share"), [(4, 0.5), (8, 0.8), (30, 0.9)])
def test_shares_of_a_few_groups_are_held_about_as_often_as_is_said(number: int, share: float) -> None:
    """Images of a group fare alike half of the time; 300 trials: 3.3 standard errors are .042."""
    stream = np.random.default_rng(number)
    held = []
    for _ in range(300):
        sizes = stream.integers(1, 5, number)
        groups = np.repeat(np.arange(number), sizes)
        own, of_group = stream.random((2, len(groups)))
        right = np.where(stream.random(len(groups)) < 0.5, own, of_group[groups]) < share
        drawn = stream.multinomial(number, np.full(number, 1 / number), size=200)
        draws = drawn @ np.bincount(groups, right) / (drawn @ sizes)
        bounds = np.array(kish(sizes)), np.array(len(groups))
        low, high = clustered_wilson(np.array(right.mean()), draws, *bounds)
        held.append(low <= share <= high)
    assert np.mean(held) >= 0.95 - 0.042
