"""Probable differences: against a plain integration, and what is promised of winners against what they are."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tasks.compare.bets import choose
from tasks.statistics.shrinkage import one_sign, probable_differences


def bootstrap_like(values: np.ndarray, covariance: np.ndarray, number: int = 4000) -> np.ndarray:
    """Draws around the values whose covariance is just the one that is wanted."""
    noise = np.random.default_rng(0).normal(size=(len(values), number))
    noise -= noise.mean(axis=1, keepdims=True)
    noise = np.linalg.solve(np.linalg.cholesky(np.atleast_2d(np.cov(noise))), noise)
    return values[:, None] + np.linalg.cholesky(covariance) @ noise


def test_means_are_those_of_weighted_draws_from_the_prior() -> None:
    values, covariance = np.array([2.2, -0.4, 0.1]), np.array([[1.0, 0.3, 0.2], [0.3, 0.7, 0.1], [0.2, 0.1, 1.3]])
    stream, error = np.random.default_rng(4), (np.trace(covariance) / 6) ** 0.5
    noise, vectors = np.linalg.eigh(covariance)
    own, shared = np.abs(stream.standard_cauchy((2, 1_000_000, 1))) / 2
    truth = error * own * stream.standard_t(4, (1_000_000, 3)) - error * stream.standard_cauchy((1_000_000, 1))
    truth += shared * stream.standard_cauchy((1_000_000, 3)) @ (vectors * (noise / 2) ** 0.5).T
    weight = stats.multivariate_normal.pdf(truth - values, np.zeros(3), covariance)
    assert weight.sum() ** 2 / (weight**2).sum() > 20_000, "enough of the draws count"
    found = probable_differences(values, bootstrap_like(values, covariance))
    np.testing.assert_allclose(found.mean(axis=1), np.average(truth, axis=0, weights=weight), atol=0.04)
    np.testing.assert_allclose((found > 0).mean(axis=1), np.average(truth > 0, axis=0, weights=weight), atol=0.02)


def test_a_clear_difference_is_believed_as_it_is_and_one_within_the_noise_half() -> None:
    clear = probable_differences(np.array([3.0]), bootstrap_like(np.array([3.0]), np.array([[0.04]])))
    assert clear.mean() == pytest.approx(3.0, abs=0.03)
    doubtful = probable_differences(np.array([0.2]), bootstrap_like(np.array([0.2]), np.array([[0.04]])))
    assert 0.05 < doubtful.mean() < 0.15
    assert 0.7 < (doubtful > 0).mean() < stats.norm.cdf(1)


def test_where_all_look_better_the_baseline_may_have_been_unlucky() -> None:
    values = np.full(8, 0.2)
    shared = 0.02 * np.ones((8, 8)) + 0.002 * np.eye(8)  # most of the noise is the baseline's
    found = probable_differences(values, bootstrap_like(values, shared))
    assert (found.mean(axis=1) < 0.12).all()


def test_what_is_proved_of_all_is_promised_though_they_err_alike() -> None:
    """Seven gain, by as much as they differ from the baseline; two hardly differ from it, one errs in its own way."""
    strength = np.array([1.0, 0.9, 0.8, 0.8, 0.9, 1.0, 0.7, 0.1, 0.15, 0.3])
    covariance = np.outer(strength, strength) + np.diag([0.3] * 7 + [0.2, 0.3, 1.0])
    values = 4 * strength
    found = probable_differences(values, bootstrap_like(values, covariance))
    assert (found[:7] > 0).mean(axis=1).min() > 0.97
    ratio = found.mean(axis=1)[:7] / values[:7]
    assert ratio.min() > 0.6
    assert ratio.max() < 1.05


def test_a_difference_that_never_varies_is_known_and_two_that_are_one_stay_one() -> None:
    draws = np.random.default_rng(0).normal(0.2, 0.1, (1, 900))
    found = probable_differences(np.array([0.0, 0.2, 0.2]), np.concatenate([np.zeros((1, 900)), draws, draws]))
    assert (found[0] == 0).all()
    assert np.abs(found[1] - found[2]).max() < 0.01
    assert not np.isnan(found).any()


def test_nothing_varies_at_all() -> None:
    assert (probable_differences(np.array([0.0, 0.1]), np.array([[0.0] * 9, [0.1] * 9])).T == [0.0, 0.1]).all()


@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_what_is_promised_of_the_winner_is_what_it_is(spread: float) -> None:
    """The mean of promise minus truth over datasets is less than four tenths of the winner's own standard error."""
    stream, promised, true, seen = np.random.default_rng(7), [], [], []
    for number in range(40):
        reached = stream.normal(0, spread, 11) if spread else np.zeros(11)
        measured = reached + stream.normal(0, 0.5**0.5, 11)
        values, truth = measured[1:] - measured[0], reached[1:] - reached[0]
        noise = stream.normal(0, 0.5**0.5, (11, 400))
        means = probable_differences(values, values[:, None] + noise[1:] - noise[0], number).mean(axis=1)
        best = means.argmax()
        keep = means[best] > 0  # else the baseline wins, of which nothing is promised
        promised.append(means[best] * keep)
        true.append(truth[best] * keep)
        seen.append(values[best] * keep)
    bias, error = np.mean(promised) - np.mean(true), np.std(np.subtract(promised, true)) / 40**0.5
    assert abs(bias) < 0.4 + 3 * error
    if spread <= 1:
        assert np.mean(seen) - np.mean(true) > 2 * abs(bias), "unshrunk, the winner promises far more than it holds"


def test_one_that_helps_among_nine_that_do_not_is_believed() -> None:
    values = np.array([4.5, *([0.1, -0.2, 0.3] * 3)])
    found = probable_differences(values, bootstrap_like(values, 0.5 * (np.eye(10) + 1)))
    assert 3.3 < found[0].mean() < 4.6
    assert np.abs(found[1:].mean(axis=1)).max() < 0.35


def test_of_bets_at_so_many_percent_about_so_many_are_right() -> None:
    stream, chances, right = np.random.default_rng(9), [], []
    for number in range(80):
        own, shared = np.abs(stream.standard_cauchy(2)) / 2 * 0.5**0.5  # of one strategy's error: what the prior says
        reached = own * stream.standard_t(4, 7)
        reached[0] = stream.standard_cauchy() * 0.5**0.5
        noise, vectors = np.linalg.eigh((np.eye(6) + 1) / 2)
        reached[1:] += shared * (vectors * noise**0.5) @ stream.standard_cauchy(6)
        measured = reached + stream.normal(0, 0.5**0.5, 7)
        values, noise = measured[1:] - measured[0], stream.normal(0, 0.5**0.5, (7, 300))
        found = probable_differences(values, values[:, None] + noise[1:] - noise[0], number)
        best = found.mean(axis=1).argmax()
        chances.append((found[best] > 0).mean())
        right.append(reached[best + 1] > reached[0])
    sure = np.array(chances)
    for low, high in ((0.5, 0.75), (0.75, 0.95)):
        inside = (sure >= low) & (sure < high)
        off = 3 * (0.25 / inside.sum()) ** 0.5
        assert np.mean(np.array(right)[inside]) == pytest.approx(sure[inside].mean(), abs=off)


@pytest.mark.parametrize("seed", range(4))
def test_figures_and_choice_do_not_hang_on_signs_that_differ_between_builds_of_lapack(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = np.random.default_rng(seed)
    names = ["a", "b", "c", "d", "e"]
    mixed = stream.normal(size=(5, 5))
    values = np.array([1.0, 1.0, 0.9, 0.95, -0.5])
    draws = bootstrap_like(values, mixed @ mixed.T / 5 + 0.2 * np.eye(5), 500)
    eigh = np.linalg.eigh

    def turned(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As right an answer as the other."""
        found, vectors = eigh(matrix)
        signs = stream.choice([-1, 1], len(matrix)) if seed else -np.ones(len(matrix))
        return found, vectors * signs

    expected, chosen = probable_differences(values, draws), choose(names, values, draws, "plain", ["plain", *names])
    monkeypatch.setattr(np.linalg, "eigh", turned)
    np.testing.assert_array_equal(probable_differences(values, draws), expected)
    assert choose(names, values, draws, "plain", ["plain", *names]) == chosen


def test_the_largest_entry_of_a_vector_is_positive_and_the_first_of_equals() -> None:
    vectors = np.array([[-0.6, 0.8], [-0.8, -0.6]])
    np.testing.assert_array_equal(one_sign(vectors), [[0.6, 0.8], [0.8, -0.6]])
    equal = np.array([[-(0.5**0.5) * (1 + sign * 1e-12), 0.5**0.5] for sign in (1, -1)]).T  # either may be the larger
    np.testing.assert_allclose(one_sign(equal), 0.5**0.5 * np.array([[1, 1], [-1, -1]]))
