"""Probable differences: against a plain integration, and what is promised of winners against what they are."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from tasks.statistics.shrinkage import probable_differences


def bootstrap_like(values: np.ndarray, covariance: np.ndarray, number: int = 4000) -> np.ndarray:
    """Draws around the values whose covariance is just the one that is wanted."""
    noise = np.random.default_rng(0).normal(size=(len(values), number))
    noise -= noise.mean(axis=1, keepdims=True)
    noise = np.linalg.solve(np.linalg.cholesky(np.atleast_2d(np.cov(noise))), noise)
    return values[:, None] + np.linalg.cholesky(covariance) @ noise


def test_means_are_those_of_an_integration_over_mean_and_spread() -> None:
    values, covariance = np.array([0.9, -0.4, 0.1]), np.array([[1.0, 0.3, 0.2], [0.3, 0.7, 0.1], [0.2, 0.1, 1.3]])
    typical = np.trace(covariance / 3) ** 0.5

    def density(common: float, spread: float) -> float:
        told = stats.multivariate_normal.pdf(values, np.full(3, common), covariance + spread**2 * np.eye(3))
        return float(told) / (1 + (spread / typical) ** 2)

    def mean(common: float, spread: float) -> np.ndarray:
        pull = spread**2 * np.linalg.inv(covariance + spread**2 * np.eye(3))
        return common + pull @ (values - common)

    whole = integrate.dblquad(density, 0.005, 20, -8, 8, epsabs=1e-4)[0]
    wanted = [
        integrate.dblquad(lambda c, s, at=at: density(c, s) * mean(c, s)[at], 0.005, 20, -8, 8, epsabs=1e-4)[0] / whole
        for at in range(3)
    ]
    found = probable_differences(values, bootstrap_like(values, covariance))
    np.testing.assert_allclose(found.mean(axis=1), wanted, atol=0.03)


def test_a_single_difference_is_believed_as_it_is() -> None:
    values = np.array([0.3])
    found = probable_differences(values, bootstrap_like(values, np.array([[0.04]])))
    assert found.mean() == pytest.approx(0.3, abs=0.01)
    assert (found > 0).mean() == pytest.approx(stats.norm.cdf(0.3 / 0.2), abs=0.02)


def test_a_difference_that_never_varies_is_known_and_two_that_are_one_stay_one() -> None:
    draws = np.random.default_rng(0).normal(0.2, 0.1, (1, 900))
    found = probable_differences(np.array([0.0, 0.2, 0.2]), np.concatenate([np.zeros((1, 900)), draws, draws]))
    assert (found[0] == 0).all()
    assert np.abs(found[1] - found[2]).max() < 0.01
    assert not np.isnan(found).any()


def test_nothing_varies_at_all() -> None:
    assert (probable_differences(np.array([0.0, 0.1]), np.array([[0.0] * 9, [0.1] * 9])).T == [0.0, 0.1]).all()


@pytest.mark.parametrize("spread", [0.25, 0.5, 1.0, 2.0])
def test_what_is_promised_of_the_winner_is_what_it_is(spread: float) -> None:
    """The mean of promise minus truth over datasets is less than a third of the winner's own standard error."""
    stream, promised, true, seen = np.random.default_rng(7), [], [], []
    covariance = 0.3 + 0.7 * np.eye(10)
    for number in range(150):
        truth = stream.normal(0, spread, 10)
        values = stream.multivariate_normal(truth, covariance)
        draws = values[:, None] + stream.multivariate_normal(np.zeros(10), covariance, 400).T
        means = probable_differences(values, draws, number).mean(axis=1)
        best = means.argmax()
        promised.append(means[best])
        true.append(truth[best])
        seen.append(values[best])
    bias, error = np.mean(promised) - np.mean(true), np.std(np.subtract(promised, true)) / 150**0.5
    assert abs(bias) < 1 / 3 + 3 * error
    if spread <= 1:
        assert np.mean(seen) - np.mean(true) > 2 * abs(bias), "unshrunk, the winner promises far more than it holds"


def test_of_bets_at_so_many_percent_about_so_many_are_right() -> None:
    stream, chances, right = np.random.default_rng(9), [], []
    for number in range(400):
        spread = abs(stream.standard_cauchy())  # of standard errors, which are 1: what the prior says
        truth = stream.normal(stream.normal(0, 1), spread, 6)
        values = truth + stream.normal(size=6)
        found = probable_differences(values, values[:, None] + stream.normal(size=(6, 300)), number)
        best = found.mean(axis=1).argmax()
        chances.append((found[best] > 0).mean())
        right.append(truth[best] > 0)
    sure = np.array(chances)
    for low, high in ((0.5, 0.75), (0.75, 0.95)):
        inside = (sure >= low) & (sure < high)
        off = 3 * (0.25 / inside.sum()) ** 0.5
        assert np.mean(np.array(right)[inside]) == pytest.approx(sure[inside].mean(), abs=off)
