"""Bounds of the Bayes error: against DataEval, plain loops, and classes of which it is known."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import cdist

from tasks.statistics.bayes_error import bayes_error, counted_rows, lower_bound, spanning_tree


def gaussians(counts: tuple[int, ...], dimensions: int, distance: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of classes whose centres lie on axes of their own."""
    labels = np.repeat(np.arange(len(counts)), counts)
    vectors = np.random.default_rng(seed).normal(size=(len(labels), dimensions))
    vectors[:, : len(counts)] += distance * np.eye(len(counts))[labels]
    return vectors, labels


@pytest.mark.parametrize(
    ("classes", "rows", "dimensions", "distance", "neighbours", "tree"),
    [  # upper and lower bounds by `ber_knn(..., k=1)` and `ber_mst` of DataEval 1.1.4 (MIT) on these very rows
        (2, 60, 5, 2.0, (0.1, 0.05278640450004207), (0.09166666666666666, 0.04815194294246805)),
        (3, 50, 4, 1.5, (0.44666666666666666, 0.28369582356413137), (0.41333333333333333, 0.25570573313540157)),
        (4, 40, 16, 2.5, (0.25, 0.13762756430420547), (0.23125, 0.12625125250626754)),
    ],
)
def test_bounds_of_classes_of_equal_size_are_those_of_dataeval(
    classes: int,
    rows: int,
    dimensions: int,
    distance: float,
    neighbours: tuple[float, float],
    tree: tuple[float, float],
) -> None:
    vectors, labels = gaussians((rows,) * classes, dimensions, distance, seed=classes)
    found = bayes_error(vectors, labels, np.arange(len(labels)))
    for share, (upper, lower) in ((found.neighbours.value, neighbours), (found.tree.value, tree)):
        assert share == pytest.approx(upper)
        assert lower_bound(share, classes) == pytest.approx(lower)
    assert found.upper.value == pytest.approx(min(neighbours[0], tree[0]))
    assert found.lower.value == pytest.approx(min(neighbours[1], tree[1]))


def test_classes_count_alike_and_relatives_are_no_neighbours() -> None:
    """The nearest row among as many strangers of each class as the smallest has: by drawing them many times."""
    vectors, labels = gaussians((60, 26, 12), 3, 1.5, seed=1)
    groups = np.arange(len(labels)) // 2
    vectors[1::2] = vectors[::2] + 0.01  # each row's nearest is a relative, often the only one of its class
    found = bayes_error(vectors, labels, groups)
    stream, counts = np.random.default_rng(2), np.bincount(labels)
    distances = cdist(vectors, vectors)
    distances[groups[:, None] == groups] = np.inf
    hits, draws = np.zeros((3, 3)), 2_000
    for _ in range(draws):
        kept = stream.random(len(labels)) < (counts.min() / counts)[labels]
        nearest = np.where(kept, distances, np.inf).argmin(axis=1)
        np.add.at(hits, (labels, labels[nearest]), 1)
    assert found.mixed == pytest.approx(hits / draws / counts[:, None], abs=0.01)
    assert found.neighbours.value == pytest.approx(1 - np.diag(found.mixed).mean())
    assert bayes_error(vectors, labels, np.arange(len(labels))).neighbours.value < found.neighbours.value - 0.1


def test_the_tree_is_a_minimum_spanning_tree_without_the_edges_that_are_forbidden() -> None:
    points = np.random.default_rng(3).normal(size=(40, 3))
    distances = cdist(points, points)
    start, end = spanning_tree(distances)
    assert distances[start, end].sum() == pytest.approx(minimum_spanning_tree(distances).sum())
    groups = np.arange(40) // 4
    distances[groups[:, None] == groups] = np.inf
    start, end = spanning_tree(distances)
    assert len(start) == 39
    assert (groups[start] != groups[end]).all()
    assert len(spanning_tree(np.full((5, 5), np.inf))[0]) == 0


def test_the_bounds_hold_the_known_error_of_uneven_classes_and_grow_no_narrower_with_copies() -> None:
    """Two Gaussians at distance 2: the best of all classifiers errs in Phi(-1) of each, whatever their shares are."""
    true, held = NormalDist().cdf(-1), []
    for seed in range(20):
        stream = np.random.default_rng([4, seed])
        labels = np.repeat([0, 1], (300, 60))
        vectors = stream.normal(size=(360, 2)) + 2 * np.column_stack([labels, np.zeros(360)])
        found = bayes_error(vectors, labels, np.arange(360), seed)
        held.append(found.lower.low <= true <= found.upper.high)
    assert np.mean(held) >= 0.95
    copied = bayes_error(np.repeat(vectors, 3, axis=0), np.repeat(labels, 3), np.repeat(np.arange(360), 3), 19)
    width, of_copies = (one.neighbours.high - one.neighbours.low for one in (found, copied))
    assert of_copies > 0.7 * width


@pytest.mark.parametrize(
    ("share", "classes", "lower"), [(0.0, 3, 0.0), (2 / 3, 3, 2 / 3), (0.9, 3, 2 / 3), (0.5, 2, 0.5)]
)
def test_the_lower_bound_goes_from_nothing_to_guessing(share: float, classes: int, lower: float) -> None:
    assert lower_bound(share, classes) == pytest.approx(lower)


def test_rows_are_the_first_of_each_class_and_bounded() -> None:
    labels = np.repeat([0, 1, 2], (500, 30, 4))
    assert np.bincount(labels[counted_rows(labels)]).tolist() == [40, 30, 4]
    many = np.tile([0, 1], 10_000)
    rows = counted_rows(many)
    assert len(rows) <= 4_000
    assert rows.tolist() == list(range(len(rows)))


def test_classes_that_are_one_beside_another_leave_nothing_to_find() -> None:
    vectors, labels = gaussians((40, 20, 10), 3, 100.0, seed=5)
    found = bayes_error(vectors, labels, np.arange(len(labels)))
    assert (found.upper.value, found.lower.value) == (0, 0)
