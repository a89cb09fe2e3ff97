"""Permutation tests: what shuffling keeps, and what it finds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest

from tasks.explore.binning import bin_numbers
from tasks.statistics.association import balanced_accuracy, fold_table
from tasks.statistics.folds import deal_folds
from tasks.statistics.permutation import GroupShuffle, permutation_test


def test_shuffled_labels_keep_what_relatives_share_and_the_counts_of_a_fold():
    groups = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 4, 5])
    labels = np.array([0, 0, 1, 1, 1, 1, 2, 2, 2, 0, 1, 2])
    folds = np.array([0] * 9 + [1] * 3)
    shuffle = GroupShuffle(labels, groups, folds)
    generator = np.random.default_rng(9)
    seen = set()
    for _ in range(50):
        drawn = shuffle.draw(generator)
        blocks = sorted(tuple(drawn[groups == group]) for group in range(3))
        assert blocks == [(0, 0, 1), (1, 1, 1), (2, 2, 2)]
        assert sorted(drawn[9:]) == [0, 1, 2]
        seen.add(tuple(drawn))
    assert len(seen) > 10


def test_groups_of_different_size_exchange_labels_cut_off_or_repeated():
    groups = np.array([0, 1, 1, 1, 1])
    shuffle = GroupShuffle(np.array([7, 0, 1, 2, 3]), groups, np.zeros(5, dtype=int))
    draws = {tuple(shuffle.draw(np.random.default_rng(seed))) for seed in range(20)}
    assert draws == {(7, 0, 1, 2, 3), (0, 7, 7, 7, 7)}


def accuracies(columns: list[np.ndarray], classes: int, folds: np.ndarray) -> Callable[[np.ndarray], list[float]]:
    """How well each of some binned properties predicts labels."""

    def statistics(labels: np.ndarray) -> list[float]:
        tables = (fold_table(codes, int(codes.max()) + 1, labels, classes, folds) for codes in columns)
        return [balanced_accuracy(table) for table in tables]

    return statistics


def null_test(seed: int, groups_of: int = 1, properties: int = 6) -> list[Any]:
    """Properties that have nothing to do with the label, though both are shared by relatives."""
    generator = np.random.default_rng(seed)
    groups = np.arange(90) // groups_of
    number = groups.max() + 1
    labels = generator.permutation(np.arange(number) % 9 // 4)[groups]  # 4 : 4 : 1
    binned = [bin_numbers(generator.normal(size=number)[groups], 4) for _ in range(properties)]
    folds = deal_folds(labels, groups)
    return permutation_test(accuracies(binned, 3, folds), labels, groups, folds, permutations=39, seed=seed)


@pytest.mark.parametrize("groups_of", [1, 3])
def test_without_a_relation_p_values_are_uniform_and_one_dataset_in_twenty_is_told(groups_of):
    found = [null_test(seed, groups_of) for seed in range(150)]
    alarms = sum(min(one.p_adjusted for one in tested) <= 0.05 for tested in found)
    assert binomtest(alarms, 150, 0.05).pvalue > 0.001
    values = np.array([tested[0].p_value for tested in found])
    assert abs(values.mean() - 0.5) < 0.1
    assert abs((values <= 0.25).mean() - 0.25) < 0.12


def test_a_shortcut_is_found_among_many_properties_with_few_shufflings():
    labels = (np.arange(90) % 3 == 0).astype(int)
    generator = np.random.default_rng(10)
    columns = [bin_numbers(generator.normal(size=90), 4) for _ in range(39)]
    columns.append(bin_numbers(labels + generator.normal(size=90) / 2, 4))
    groups, folds = np.arange(90), deal_folds(labels, np.arange(90))
    tested = permutation_test(accuracies(columns, 2, folds), labels, groups, folds, permutations=39, seed=0)
    assert tested[-1].p_adjusted == 1 / 40
    assert tested[-1].value > 0.65
    assert sum(one.p_adjusted <= 0.05 for one in tested[:-1]) <= 1
