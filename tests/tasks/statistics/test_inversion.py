"""Sums of absolute values: intervals against plain loops and trials."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.statistics.bootstrap import percentiles
from tasks.statistics.inversion import MULTIPLES, inverted, possible_parts

PARTS, DEVIATION, DRAWS = 15, 0.01, 200


def interval(parts: np.ndarray, stream: np.random.Generator) -> tuple[float, float]:
    """That of the sum of the absolute values of measured parts with noise of a known size."""
    noise = stream.normal(0, DEVIATION, (len(parts), DRAWS))
    draws = [
        [np.abs(multiple * one[:, None] + noise).sum(axis=0) for multiple in MULTIPLES]
        for one in possible_parts(parts[None], np.full((1, len(parts)), DEVIATION**2))[:, 0]
    ]
    low, high = inverted(np.abs(parts).sum(), np.array(draws), 0.95)
    return float(low), float(high)


SUMS = ([0.0], [0.005], [0.01], [0.05], [0.08, *[0.0] * 14], [0.04, -0.02, *[0.0] * 13], [0.02, -0.02, *[0.005] * 13])


@pytest.mark.parametrize("sizes", SUMS)
def test_the_sum_is_held_about_as_often_as_is_said(sizes: list[float]) -> None:
    """400 trials: 3.3 standard errors are .036."""
    true = np.resize(np.array(sizes), PARTS)
    stream = np.random.default_rng(1)
    held, drawn = [], []
    for _ in range(400):
        parts = true + stream.normal(0, DEVIATION, PARTS)
        low, high = interval(parts, stream)
        held.append(low - 1e-12 <= np.abs(true).sum() <= high)
        assert low <= np.abs(parts).sum() <= high
        again = np.abs(parts[:, None] + stream.normal(0, DEVIATION, (PARTS, DRAWS))).sum(axis=0)
        least, most = percentiles(again, 0.95)
        drawn.append(least <= np.abs(true).sum() <= most)
    assert np.mean(held) >= 0.95 - 0.036
    if sizes == [0.0]:
        assert np.mean(drawn) == 0, "percentiles never hold a sum that is 0"


def test_ends_are_the_multiples_at_which_the_measured_sum_is_at_the_edge() -> None:
    stream = np.random.default_rng(2)
    few, all_parts = np.array([0.08, 0.0, 0.0, 0.0]), np.array([0.04, -0.03, 0.008, 0.002])
    noise = stream.normal(0, DEVIATION, (4, 1000))

    def draw(multiple: float, parts: np.ndarray) -> np.ndarray:
        return np.abs(multiple * parts[:, None] + noise).sum(axis=0)

    draws = np.array([[draw(multiple, parts) for multiple in MULTIPLES] for parts in (few, all_parts)])
    low, high = inverted(np.array(0.08), draws, 0.95)
    assert np.quantile(draw(float(low) / 0.08, few), 0.975) == pytest.approx(0.08, rel=0.02)
    assert np.quantile(draw(float(high) / 0.08, all_parts), 0.025) == pytest.approx(0.08, rel=0.02)


def test_a_sum_may_be_made_up_of_what_stands_out_or_of_all() -> None:
    parts, variances = np.array([[0.5, -0.3, 0.1], [0.1, -0.1, 0.0]]), np.array([[0.04, 0.0, 0.01], [0.01, 0.01, 0.1]])
    few, alike = possible_parts(parts, variances)
    assert few[0] == pytest.approx(np.array([0.3, -0.3, 0.0]) * 0.9 / 0.6)
    assert few[1] == pytest.approx([0.1, -0.1, 0.0]), "none stands out: the parts as they are"
    roots = np.array([0.29**0.5, -0.3, 0.02**0.5])
    assert alike[0] == pytest.approx(roots * 0.9 / np.abs(roots).sum())
    np.testing.assert_allclose(np.abs(np.stack([few, alike])).sum(axis=2), [[0.9, 0.2]] * 2)
    assert (possible_parts(np.zeros((1, 3)), np.zeros((1, 3))) == 0).all()


def test_a_sum_without_noise_is_what_it_is() -> None:
    draws = np.broadcast_to(MULTIPLES[:, None] * 0.2, (2, len(MULTIPLES), 50))
    low, high = inverted(np.array(0.2), draws, 0.95)
    assert (float(low), float(high)) == pytest.approx((0.2, 0.2))
    low, high = inverted(np.array(0.0), np.zeros((2, len(MULTIPLES), 50)), 0.95)
    assert (float(low), float(high)) == (0, 0)
