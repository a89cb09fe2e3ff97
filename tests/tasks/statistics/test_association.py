"""How well one property predicts the label, against plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.statistics.association import balanced_accuracy, cramers_v, cross_validated_hits, fold_table


def test_hits_are_those_of_a_plain_loop():
    generator = np.random.default_rng(8)
    n, bins, classes = 200, 5, 3
    labels, binned = generator.integers(0, classes, n), generator.integers(0, bins, n)
    folds = generator.integers(0, 4, n)
    expected = np.zeros(classes)
    for i in range(n):
        best, answer = -1.0, -1
        for c in range(classes):
            own = [j for j in range(n) if folds[j] != folds[i] and labels[j] == c]
            share = (sum(binned[j] == binned[i] for j in own) + 1) / (len(own) + bins)
            if share > best:
                best, answer = share, c
        expected[labels[i]] += answer == labels[i]
    table = fold_table(binned, bins, labels, classes, folds)
    assert cross_validated_hits(table).tolist() == expected.tolist()
    assert balanced_accuracy(table) == pytest.approx(np.mean(expected / np.bincount(labels)))


def test_cramers_v_is_that_of_the_books():
    assert cramers_v(np.diag([50, 50])[None]) == pytest.approx(1)
    assert cramers_v(np.full((1, 3, 2), 20)) == 0
    table = np.array([[30, 10], [10, 30]])
    phi = 20 / 80  # chi-squared by hand: 4 cells of (30 - 20)^2 / 20
    expected = np.sqrt((phi - 1 / 79) / (2 - 1 / 79 - 1))
    assert cramers_v(table[None]) == pytest.approx(expected)
