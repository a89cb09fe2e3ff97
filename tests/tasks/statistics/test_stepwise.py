"""Stepwise p-values: against a plain loop, Holm's on independent differences, and the family-wise error."""

from __future__ import annotations

import numpy as np
from scipy import stats

from tasks.statistics.simultaneous import simultaneous
from tasks.statistics.stepwise import stepwise_p_values


def one_by_one(values: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """The definition, as a loop: at each step the largest of those that are left is judged by them alone."""
    errors = draws.std(axis=1, ddof=1)
    sizes, left, least = np.abs(values) / errors, list(range(len(values))), 0.0
    found = np.empty(len(values))
    while left:
        first = max(left, key=lambda one: (sizes[one], -one))
        most = np.max([np.abs(draws[one] - values[one]) / errors[one] for one in left], axis=0)
        least = max(least, (1 + np.sum(most >= sizes[first])) / (1 + draws.shape[1]))
        found[first] = least
        left.remove(first)
    return found


def test_p_values_are_those_of_the_definition() -> None:
    stream = np.random.default_rng(3)
    common = stream.normal(size=(1, 900))
    values = np.array([0.4, -1.1, 0.0, 2.9, -0.2, 1.7])
    draws = values[:, None] + (common + stream.normal(size=(6, 900))) * np.array(
        [[0.3], [0.5], [1.0], [1.0], [2.0], [0.7]]
    )
    np.testing.assert_allclose(stepwise_p_values(values, draws), one_by_one(values, draws))


def test_p_values_of_independent_differences_are_nearly_holms() -> None:
    sizes = np.array([2.0, 2.6, 3.1, 0.5])
    draws = sizes[:, None] + np.random.default_rng(0).normal(size=(4, 200_000))
    own = 2 * stats.norm.sf(sizes)
    order = np.argsort(own)
    holm = np.empty(4)
    holm[order] = np.minimum(1, np.maximum.accumulate(own[order] * (4 - np.arange(4))))
    found = stepwise_p_values(sizes, draws)
    assert (found <= holm + 2e-3).all(), "never less power than Holm's"
    sidak = 1 - (1 - own[order]) ** (4 - np.arange(4))
    np.testing.assert_allclose(found[order], np.maximum.accumulate(sidak), atol=4e-3)


def test_what_single_step_intervals_prove_is_proved_and_more() -> None:
    stream = np.random.default_rng(1)
    single = stepwise = 0
    for _ in range(200):
        values = np.array([4.0, 3.5, 3.0, 2.4, 2.4, 0.0]) + stream.normal(size=6)
        draws = values[:, None] + stream.normal(size=(6, 400))
        low, high = simultaneous(values, draws, 0.95)
        proved = stepwise_p_values(values, draws) <= 0.05
        told = (low > 0) | (high < 0)
        assert not (told & ~proved).any() or (told & ~proved).sum() <= 1  # a draw more or less at the very edge
        single, stepwise = single + told.sum(), stepwise + proved.sum()
    assert stepwise > 1.05 * single


def test_in_few_datasets_is_anything_proved_where_there_is_nothing() -> None:
    """At .05, more than .05 + 3.1 sqrt(.05 x .95 / 400) = .084 of the datasets would be seen once in a thousand."""
    stream = np.random.default_rng(2)
    errors = 0
    for _ in range(400):
        common = stream.normal(size=1)
        values = np.array([9.0, 0, 0, 0, 0]) + common * 0.7 + stream.normal(size=5) * 0.7
        draws = values[:, None] + 0.7 * stream.normal(size=(1, 500)) + 0.7 * stream.normal(size=(5, 500))
        errors += bool((stepwise_p_values(values, draws)[1:] <= 0.05).any())
    assert errors / 400 <= 0.084


def test_what_never_varies_is_certain_or_nothing() -> None:
    draws = np.stack([np.zeros(99), np.full(99, 0.1), np.random.default_rng(0).normal(size=99)])
    found = stepwise_p_values(np.array([0.0, 0.1, 0.0]), draws)
    assert found[0] == 1
    assert found[1] == 0.01


def test_draws_that_cannot_tell_are_left_out() -> None:
    draws = np.random.default_rng(0).normal(3, 1, (2, 400))
    draws[1, ::2] = np.nan
    assert (stepwise_p_values(np.array([3.0, 3.0]), draws) < 0.05).all()
