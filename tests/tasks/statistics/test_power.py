"""Power: what so many images can show."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import norm

from tasks.statistics.power import (
    detectable_difference,
    detectable_mean_difference,
    fewest_more,
    power_of_mean_difference,
)


@pytest.mark.parametrize(("n", "discordant"), [(60, 0.3), (200, 0.1), (1000, 0.5)])
def test_the_detectable_difference_solves_connors_formula(n, discordant):
    def gap(d: float) -> float:
        return norm.ppf(0.975) * discordant**0.5 + norm.ppf(0.8) * (discordant - d * d) ** 0.5 - n**0.5 * d

    assert detectable_difference(n, discordant) == pytest.approx(brentq(gap, 0, discordant), abs=1e-9)


def test_the_detectable_difference_is_found_in_four_of_five_cases():
    n, discordant = 300, 0.2
    difference = detectable_difference(n, discordant)
    generator = np.random.default_rng(14)
    draws = generator.multinomial(
        n, [(discordant + difference) / 2, (discordant - difference) / 2, 1 - discordant], 4000
    )
    z = (draws[:, 0] - draws[:, 1]) / np.sqrt(draws[:, 0] + draws[:, 1])  # McNemar
    assert (np.abs(z) > norm.ppf(0.975)).mean() == pytest.approx(0.8, abs=0.03)


def test_too_few_images_can_show_nothing():
    assert detectable_difference(5, 0.1) is None
    assert detectable_difference(0, 0.5) is None


def test_the_detectable_difference_of_a_mean_is_found_in_four_of_five_cases():
    groups, discordant = [400, 150, 60], 0.2
    difference = detectable_mean_difference(groups, discordant)
    generator = np.random.default_rng(15)
    means, variances = [], []
    for n in groups:
        shares = [(discordant + difference) / 2, (discordant - difference) / 2, 1 - discordant]
        better, worse, _ = generator.multinomial(n, shares, 4000).T
        means.append((better - worse) / n)
        variances.append((better + worse - (better - worse) ** 2 / n) / n**2)
    z = np.mean(means, axis=0) / (np.sqrt(np.sum(variances, axis=0)) / len(groups))
    assert (np.abs(z) > norm.ppf(0.975)).mean() == pytest.approx(0.8, abs=0.04)


@pytest.mark.parametrize("tests", [1, 10])
def test_the_detectable_difference_of_a_mean_has_the_power_that_it_is_named_for(tests):
    difference = detectable_mean_difference([120, 40], 0.3, tests)
    assert power_of_mean_difference(difference, [120, 40], [0.3, 0.3], tests) == pytest.approx(0.8)
    assert power_of_mean_difference(0.0, [120, 40], [0.3, 0.3], tests) == pytest.approx(0.025 / tests)
    spread = (0.2 / 120 + 0.4 / 40) ** 0.5 / 2
    wanted = norm.sf(norm.isf(0.025 / tests) - 0.1 / spread)
    assert power_of_mean_difference(0.1, [120, 40], [0.2, 0.4], tests) == pytest.approx(wanted)


def test_the_more_are_judged_together_the_more_each_must_differ():
    """Of ten independent differences the one that differs is found by Bonferroni's test in four of five cases."""
    groups, discordant = [400, 150], 0.3
    difference = detectable_mean_difference(groups, discordant, 10)
    assert difference > 1.25 * detectable_mean_difference(groups, discordant)
    spread = (discordant / 400 + discordant / 150) ** 0.5 / 2
    measured = np.random.default_rng(16).normal(difference, spread, 4000)
    p_values = 2 * norm.sf(np.abs(measured) / spread)
    assert (10 * p_values <= 0.05).mean() == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize(
    ("groups", "discordant", "difference"),
    [([9, 14], [0.3, 0.2], 0.2), ([5, 7, 40], [0.4, 0.1, 0.2], 0.2), ([5, 6, 7], [0.5, 0.5, 0.5], 0.3)],
)
def test_the_fewest_more_images_are_those_of_the_best_of_all_ways_to_add_them(groups, discordant, difference):
    more = np.array(fewest_more(groups, discordant, difference))
    ways = np.stack(np.meshgrid(*[np.arange(90)] * len(groups), indexing="ij"), -1).reshape(-1, len(groups))
    z = norm.ppf(0.975) + norm.ppf(0.8)
    found = z * np.sqrt((np.array(discordant) / (np.array(groups) + ways)).sum(1)) / len(groups)
    enough = ways[found <= difference]
    least = enough.sum(1).min()
    assert 0 < more.max() < 89, "within what was tried"
    assert (enough == more).all(1).any(), "they do"
    assert least <= more.sum() <= least + len(groups) - 1, "whole numbers cost less than one a class"


def test_of_several_tests_each_has_its_share_of_the_level():
    told = fewest_more([400, 50], [0.2, 0.3], 0.05, tests=10)
    assert told == fewest_more([400, 50], [0.2, 0.3], 0.05, level=0.005)
    assert sum(told) > sum(fewest_more([400, 50], [0.2, 0.3], 0.05))


def test_where_a_difference_is_found_already_no_more_images_are_needed():
    groups, difference = [400, 150, 60], detectable_mean_difference([400, 150, 60], 0.2)
    assert fewest_more(groups, [0.2] * 3, difference + 1e-9) == [0, 0, 0]
    assert fewest_more(groups, [0.2] * 3, difference - 1e-3)[:2] == [0, 0], "the rarest limits most"


def test_equal_shares_ask_for_equal_numbers_and_half_the_difference_for_four_times_of_them():
    few, many = (np.array([400, 150, 60]) + fewest_more([400, 150, 60], [0.2] * 3, d) for d in (0.02, 0.01))
    assert np.ptp(few) == np.ptp(many) == 0
    assert many[0] == pytest.approx(4 * few[0], abs=4)


def test_a_class_that_both_answer_alike_needs_no_more():
    assert fewest_more([400, 50], [0.0, 0.3], 0.02)[0] == 0
