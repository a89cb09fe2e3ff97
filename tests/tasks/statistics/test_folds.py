"""Folds: relatives together, classes even."""

from __future__ import annotations

import numpy as np

from tasks.statistics.folds import deal_folds


def test_relatives_share_a_fold_and_classes_are_spread_evenly():
    generator = np.random.default_rng(2)
    groups = np.repeat(np.arange(300), generator.integers(1, 5, 300))
    labels = generator.choice(3, 300, p=[0.8, 0.15, 0.05])[groups]
    folds = deal_folds(labels, groups)
    assert all(len(np.unique(folds[groups == group])) == 1 for group in range(300))
    for label in range(3):
        counts = np.bincount(folds[labels == label], minlength=5)
        assert counts.max() - counts.min() <= 4


def test_groups_of_several_classes_stay_whole():
    groups = np.arange(60) // 6
    labels = np.where(np.arange(60) % 6 == 0, 1, 0)
    folds = deal_folds(labels, groups)
    assert all(len(np.unique(folds[groups == group])) == 1 for group in range(10))
    assert (np.bincount(folds[labels == 1], minlength=5) == 2).all()
