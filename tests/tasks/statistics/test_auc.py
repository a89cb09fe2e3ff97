"""The area under the ROC curve against scikit-learn, all pairs, and trials."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

from tasks.statistics.auc import Ranked, auc, auc_interval, auc_of_ranks, auc_within_folds, ranks


def test_the_area_is_the_share_of_pairs_in_which_the_class_has_the_larger_value():
    generator = np.random.default_rng(0)
    values = generator.integers(0, 6, 60).astype(float)  # many ties
    inside = generator.random(60) < 0.3
    wins = [(a > b) + (a == b) / 2 for a in values[inside] for b in values[~inside]]
    assert auc(values, inside) == pytest.approx(np.mean(wins), abs=1e-12)


@pytest.mark.parametrize(("area", "m", "n"), [(0.5, 10, 10), (0.7, 30, 200), (0.9, 8, 1000), (0.2, 50, 20)])
def test_the_ends_of_the_interval_solve_newcombes_equation(area, m, n):
    def gap(theta: float) -> float:
        star = (m + n) / 2 - 1
        variance = theta * (1 - theta) * (1 + star * (1 - theta) / (2 - theta) + star * theta / (1 + theta)) / (m * n)
        return abs(area - theta) - 1.959963985 * variance**0.5

    expected = brentq(gap, 1e-12, area - 1e-9), brentq(gap, area + 1e-9, 1 - 1e-12)
    assert auc_interval(area, m, n) == pytest.approx(expected, abs=1e-6)


def test_perfect_separation_of_few_images_is_no_certainty():
    low, high = auc_interval(1.0, 5, 5)
    assert high == pytest.approx(1)
    assert 0.5 < low < 0.9
    assert auc_interval(1.0, 500, 500)[0] > 0.99


def test_the_interval_covers_the_true_area_about_as_often_as_it_says():
    generator = np.random.default_rng(1)
    true = 0.714  # P(N(0.8, 1) > N(0, 1)) = Phi(0.8 / sqrt 2)
    inside = np.arange(120) < 20
    covered = []
    for _ in range(300):
        low, high = auc_interval(auc(generator.normal(0.8 * inside), inside), 20, 100)
        covered.append(low <= true <= high)
    assert 0.91 <= np.mean(covered) <= 0.99


def test_the_area_is_that_of_scikit_learn_within_folds() -> None:
    stream = np.random.default_rng(0)
    is_new, folds = stream.random(300) < 0.4, stream.integers(0, 3, 300)
    scores = np.round(stream.normal(is_new * 0.8, 1), 1) + folds * 10.0  # other scales in other folds
    found = auc_within_folds(scores, is_new, np.arange(300), folds, 0.95)
    areas, pairs = [], []
    for fold in range(3):
        own = folds == fold
        areas.append(roc_auc_score(is_new[own], scores[own]))
        pairs.append(is_new[own].sum() * (~is_new[own]).sum())
    assert found.value == pytest.approx(np.average(areas, weights=pairs))
    assert found.low < found.value < found.high


def test_an_area_of_one_is_not_certain() -> None:
    is_new = np.arange(40) % 2 == 0
    found = auc_within_folds(is_new * 1.0, is_new, np.arange(40) // 2, np.arange(40) // 2 % 5, 0.95)
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(20 / (20 + 1.96**2), abs=1e-3)


@pytest.mark.parametrize("shift", [0.0, 0.2, 0.5])
def test_the_interval_of_a_fitted_score_holds_what_such_scores_reach_about_as_often_as_it_says(shift: float) -> None:
    """The truth is 0.5 where nothing tells the kinds apart, else the mean over the trials."""
    is_new, folds = np.arange(120) < 70, np.arange(120) % 5
    found = []
    for seed in range(200):
        values = np.random.default_rng(seed).normal(size=(120, 10)) + shift * is_new[:, None]
        scores = np.zeros(120)
        for fold in range(5):
            inside = folds != fold
            direction = values[inside & is_new].mean(axis=0) - values[inside & ~is_new].mean(axis=0)
            scores[~inside] = values[~inside] @ direction
        found.append(auc_within_folds(scores, is_new, np.arange(120), folds, 0.95))
    truth = np.mean([one.value for one in found]) if shift else 0.5
    assert np.mean([one.low <= truth <= one.high for one in found]) >= 0.91


@pytest.mark.parametrize("ties", [False, True])
def test_one_image_at_a_time_by_ranks_or_by_weights_the_area_is_the_same(ties):
    stream = np.random.default_rng(4)
    scores, positive = stream.normal(size=200), stream.random(200) < 0.2
    scores = np.round(scores) if ties else scores
    passed = Ranked(scores, positive)(np.ones((200, 1), dtype=np.int32))
    expected = roc_auc_score(positive, scores)
    assert auc(scores, positive) == pytest.approx(expected, abs=1e-12)
    assert auc_of_ranks(ranks(scores), positive) == auc(scores, positive) == (passed.wins / passed.pairs)[0]


def test_under_weights_it_is_that_of_images_that_stand_there_so_often():
    stream = np.random.default_rng(5)
    scores, positive = np.round(stream.normal(size=80), 1), stream.random(80) < 0.4
    weights = stream.integers(0, 4, (80, 6))
    passed = Ranked(scores, positive)(weights)
    for column in range(6):
        rows = np.repeat(np.arange(80), weights[:, column])
        assert passed.pairs[column] == positive[rows].sum() * (~positive[rows]).sum()
        area = passed.wins[column] / passed.pairs[column]
        assert area == pytest.approx(roc_auc_score(positive[rows], scores[rows]), abs=1e-12)


def test_ranks_are_those_of_scipy():
    values = np.random.default_rng(6).integers(0, 9, 50).astype(float)
    assert ranks(values).tolist() == rankdata(values).tolist()
