"""Error rates of a similarity: against plain loops over pairs, and what must never be a pair."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tasks.errors import InputError
from tasks.similarity.verification import FILE, MOST, WANTED, Verification, in_turns, read_verification, verify
from tasks.statistics.verification import HeldOut, Rates, borders


def fold(seed: int, noise: float = 0.6, counts: tuple[int, ...] = (14, 8, 4)) -> HeldOut:
    """Images that lie around the directions of their classes; every two of a class that follow are relatives."""
    stream = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    rows = np.eye(len(counts), 5)[labels] + noise * stream.normal(size=(len(labels), 5))
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return HeldOut(np.clip(units @ units.T, -1, 1), labels, 1000 * seed + np.arange(len(labels)) // 2)


def renumbered(folds: list[HeldOut]) -> list[HeldOut]:
    names = np.unique(np.concatenate([one.groups for one in folds]))
    return [HeldOut(one.similarities, one.labels, np.searchsorted(names, one.groups)) for one in folds]


FOLDS = renumbered([fold(seed) for seed in range(4)])


def pairs(one: HeldOut) -> list[tuple[float, bool, float]]:
    """Similarity, whether of one class, and weight of each pair that is no relatives'."""
    sizes = np.bincount(one.labels)
    return [
        (one.similarities[a, b], one.labels[a] == one.labels[b], 1 / (sizes[one.labels[a]] * sizes[one.labels[b]]))
        for a, b in combinations(range(len(one.labels)), 2)
        if one.groups[a] != one.groups[b]
    ]


def shares(found: list[tuple[float, bool, float]], threshold: float) -> tuple[float, float]:
    """False accepts and false rejects."""
    accepted = sum(w for s, same, w in found if not same and s >= threshold)
    rejected = sum(w for s, same, w in found if same and s < threshold)
    return accepted / sum(w for _, same, w in found if not same), rejected / sum(w for _, same, w in found if same)


def chosen(found: list[tuple[float, bool, float]], most: float) -> float:
    return next(border for border in borders() if shares(found, border)[0] <= most)


@pytest.mark.parametrize("most", [0.2, 0.05])
def test_a_threshold_is_the_lowest_with_so_few_false_accepts(most: float) -> None:
    every = [pair for one in FOLDS for pair in pairs(one)]
    assert Rates.of(FOLDS).threshold(most) == pytest.approx(chosen(every, most))


def test_rates_are_those_of_a_plain_loop_over_pairs() -> None:
    every = [pair for one in FOLDS for pair in pairs(one)]
    accepts, rejects = Rates.of(FOLDS).errors()
    for place in (0, 700, 1200, 1600, 1999):
        assert (accepts[0, place], rejects[0, place]) == pytest.approx(shares(every, borders()[place]))
    assert (accepts[0, -1], rejects[0, -1]) == (0, 1)


@pytest.mark.parametrize("most", [0.2, 0.05])
def test_each_folds_pairs_are_judged_by_a_threshold_of_the_others(most: float) -> None:
    accepted = rejected = of_two = of_one = 0.0
    for own in FOLDS:
        threshold = chosen([pair for one in FOLDS if one is not own for pair in pairs(one)], most)
        for similarity, same, weight in pairs(own):
            of_one, of_two = of_one + same * weight, of_two + (not same) * weight
            accepted += weight * (not same and similarity >= threshold)
            rejected += weight * (same and similarity < threshold)
    accepts, rejects = Rates.of(FOLDS).cross_fitted(most)
    assert accepts.value == pytest.approx(accepted / of_two)
    assert rejects.value == pytest.approx(rejected / of_one)
    for rate in (accepts, rejects):
        assert 0 <= rate.low <= rate.value <= rate.high <= 1
        assert rate.low < rate.high


def test_the_area_of_one_fold_is_that_of_scikit_learn() -> None:
    found = pairs(FOLDS[0])
    binned = [np.searchsorted(borders(), similarity, side="right") for similarity, _, _ in found]
    expected = roc_auc_score([same for _, same, _ in found], binned, sample_weight=[weight for *_, weight in found])
    assert Rates.of(FOLDS[:1]).area().value == pytest.approx(expected)


def test_at_the_equal_error_rate_both_errors_are_about_the_same() -> None:
    rates = Rates.of(FOLDS)
    accepts, rejects = rates.errors()
    found = rates.equal_error()
    place = np.abs(accepts[0] - rejects[0]).argmin()
    assert found.value == pytest.approx((accepts[0, place] + rejects[0, place]) / 2)
    assert found.low < found.value < found.high


def test_relatives_make_no_pair() -> None:
    one = fold(0)
    relatives = one.groups[:, None] == one.groups
    turned = HeldOut(np.where(relatives, -one.similarities, one.similarities), one.labels, one.groups)
    before, after = (verify(renumbered([first, fold(1)])) for first in (one, turned))
    assert before == after
    assert before is not None


def test_perfect_similarities_make_no_errors_and_yet_no_interval_that_is_a_point() -> None:
    found = verify(renumbered([fold(seed, noise=0.01) for seed in range(3)]))
    assert found is not None
    assert found.equal_error.value == 0 < found.equal_error.high
    assert found.area.value == 1
    for one in found.thresholds:
        assert one.false_rejects.value == 0 < one.false_rejects.high


def test_a_wider_threshold_accepts_more_and_rejects_fewer() -> None:
    found = verify(FOLDS)
    assert found is not None
    assert [one.wanted for one in found.thresholds] == list(WANTED)
    similarities = [one.similarity for one in found.thresholds]
    assert similarities == sorted(similarities)
    rejects = [one.false_rejects.value for one in found.thresholds]
    assert rejects == sorted(rejects)
    curve = np.array(found.curve)
    assert (np.diff(curve, axis=0)[:, [0, 2]] >= 0).all()
    assert (np.diff(curve[:, 1]) <= 0).all()


def test_what_is_written_is_read_again_and_is_the_same_each_time() -> None:
    found = verify(FOLDS)
    assert found is not None
    facts = found.as_json()
    assert verify(FOLDS).as_json() == facts
    assert Verification.of_json(facts).as_json() == facts


@pytest.mark.parametrize("text", ["{", "{}", "[]", '{"thresholds": [{"wanted": 1}]}'])
def test_a_damaged_file_is_told(text: str, tmp_path: Path) -> None:
    assert read_verification(tmp_path) is None
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=f"{FILE}: is damaged"):
        read_verification(tmp_path)


@pytest.mark.parametrize(
    "folds",
    [
        [],
        [fold(0)],  # a threshold would be judged on what it was chosen on
        renumbered([fold(0, counts=(6,)), fold(1, counts=(6,))]),  # of one class
        renumbered([fold(0, counts=(2, 2)), fold(1, counts=(2, 2))]),  # relatives only
    ],
)
def test_where_pairs_say_nothing_nothing_is_said(folds: list[HeldOut]) -> None:
    assert verify(renumbered(folds) if folds else folds) is None


def test_of_many_images_those_of_rare_classes_make_pairs_first() -> None:
    labels = np.repeat([0, 1, 2], [1000, 30, 4])
    np.random.default_rng(0).shuffle(labels)
    chosen = in_turns(labels)
    assert len(chosen) == MOST
    assert (np.diff(chosen) > 0).all()
    assert np.bincount(labels[chosen]).tolist() == [MOST - 34, 30, 4]
    np.testing.assert_array_equal(in_turns(np.array([1, 0, 1])), [0, 1, 2])
