"""The plan of a balanced set: counts, spread, stability; no pixels."""

import json
from collections import Counter
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from tasks.balance.augment import Augment
from tasks.balance.augment.all import All
from tasks.balance.augment.minority import Minority
from tasks.balance.augment.none import Unchanged as NoAugment
from tasks.balance.plan import plan
from tasks.balance.resample import Resample
from tasks.balance.resample.none import Unchanged as NoResample
from tasks.balance.resample.oversample import Oversample
from tasks.balance.resample.undersample import Undersample
from tasks.balance.spread import spread
from tasks.balance.transforms.industrial import Industrial
from tasks.lineage import TrainingSet, outside_fold, prove_no_leak
from tasks.registry import parts
from tasks.tables import BALANCED

RESAMPLERS = [part() for part in parts("tasks.balance.resample").values()]
AUGMENTERS = [part() for part in parts("tasks.balance.augment").values()]


def planned(training: TrainingSet, resample: Resample, augment: Augment, seed: int = 0) -> pd.DataFrame:
    return plan(training, resample, augment, Industrial(), seed)


def sizes(rows: pd.DataFrame) -> dict[str, int]:
    return dict(Counter(rows["label"]))


def test_places_are_spread_evenly_and_the_last_go_by_order() -> None:
    np.testing.assert_array_equal(spread(8, np.array(["c", "a", "b"])), [2, 3, 3])
    np.testing.assert_array_equal(spread(0, np.array(["c", "a", "b"])), [0, 0, 0])


def test_more_places_take_none_away() -> None:
    order = np.random.default_rng(0).permutation(7)
    before = spread(0, order)
    for total in range(1, 30):
        after = spread(total, order)
        assert after.sum() == total
        assert (after >= before).all()
        before = after


def test_natural_is_every_image_once(training: TrainingSet) -> None:
    rows = planned(training, NoResample(), NoAugment())
    assert rows["row_id"].tolist() == training.rows["image_id"].tolist()
    assert set(rows["origin"]) == {"original"}
    assert rows["parents"].tolist() == [[name] for name in training.rows["image_id"]]
    assert set(rows["operation"]) == {"original"}
    assert set(rows["parameters"]) == {"{}"}


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [
        (1.0, {"common": 7, "rare": 7, "middling": 7}),
        (1.5, {"common": 11, "rare": 7, "middling": 11}),  # 10.5 rounds up
        (3.0, {"common": 21, "rare": 7, "middling": 15}),
        (100.0, {"common": 40, "rare": 7, "middling": 15}),
    ],
)
def test_undersampling_cuts_to_a_multiple_of_the_smallest(
    training: TrainingSet, ratio: float, expected: dict[str, int]
) -> None:
    rows = planned(training, Undersample(ratio=ratio), NoAugment())
    assert sizes(rows) == expected
    assert set(rows["origin"]) == {"original"}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (1.0, {"common": 40, "rare": 40, "middling": 40}),
        (0.5, {"common": 40, "rare": 20, "middling": 20}),
        (0.3, {"common": 40, "rare": 12, "middling": 15}),
    ],
)
def test_oversampling_and_minority_reach_a_share_of_the_largest(
    training: TrainingSet, target: float, expected: dict[str, int]
) -> None:
    copied = planned(training, Oversample(target=target), NoAugment())
    augmented = planned(training, NoResample(), Minority(target=target))
    assert sizes(copied) == sizes(augmented) == expected
    assert set(copied["origin"]) == {"original", "copy"}
    assert set(augmented["origin"]) == {"original", "augmented"}


def test_no_image_gets_its_second_copy_before_all_have_their_first(training: TrainingSet) -> None:
    for rows in (planned(training, Oversample(), NoAugment()), planned(training, NoResample(), Minority())):
        derived = rows[(rows["origin"] != "original") & (rows["label"] == "rare")]
        copies = Counter(derived["parent"])
        assert len(copies) == 7
        assert set(copies.values()) == {4, 5}  # 33 over 7
        for parent, count in copies.items():
            assert sorted(derived.loc[derived["parent"] == parent, "copy_number"]) == list(range(1, count + 1))


def test_augmenting_all_keeps_the_natural_shares(training: TrainingSet) -> None:
    rows = planned(training, NoResample(), All(copies=3))
    for origin, times in (("original", 1), ("augmented", 3)):
        assert sizes(rows[rows["origin"] == origin]) == {name: times * n for name, n in training.counts.items()}


def test_augmenting_all_keeps_the_shares_of_the_resampled_set(training: TrainingSet) -> None:
    rows = planned(training, Oversample(), All())
    assert sizes(rows[rows["origin"] == "augmented"]) == {"common": 40, "rare": 40, "middling": 40}


def test_images_left_out_get_no_descendants(training: TrainingSet) -> None:
    rows = planned(training, Undersample(ratio=2), Minority())
    used = set(rows.loc[rows["origin"] == "original", "row_id"])
    assert set(rows["parent"]) == used
    assert sizes(rows) == {"common": 14, "rare": 14, "middling": 14}


@pytest.mark.parametrize("resample", RESAMPLERS, ids=lambda part: part.part_name())
@pytest.mark.parametrize("augment", AUGMENTERS, ids=lambda part: part.part_name())
class TestEveryCombination:
    """What every resampler and augmenter owes."""

    def test_rows_fit_the_table_and_name_their_lineage(
        self, training: TrainingSet, resample: Resample, augment: Augment
    ) -> None:
        rows = planned(training, resample, augment)
        BALANCED.check(rows[BALANCED.schema.names])
        images = training.rows.set_index("image_id")
        for row in rows.itertuples():
            (parent,) = row.parents
            assert parent == row.parent
            assert row.label == images.loc[parent, "label"]
            assert row.fold == images.loc[parent, "fold"]
            assert row.row_id.startswith(parent)
            copy = json.loads(row.parameters).get("copy", 0)
            assert copy == row.copy_number
            assert (copy == 0) == (row.origin == "original") == (row.row_id == parent)
        prove_no_leak(rows, training.rows.assign(repeat=0))

    def test_the_plan_is_the_same_for_any_order_of_the_images(
        self, training: TrainingSet, resample: Resample, augment: Augment
    ) -> None:
        shuffled = TrainingSet(training.rows.sample(frac=1, random_state=1).reset_index(drop=True))
        first = planned(training, resample, augment).sort_values("row_id", ignore_index=True)
        second = planned(shuffled, resample, augment).sort_values("row_id", ignore_index=True)
        pd.testing.assert_frame_equal(first, second)

    def test_no_class_is_lost(self, training: TrainingSet, resample: Resample, augment: Augment) -> None:
        assert set(planned(training, resample, augment)["label"]) == set(training.classes)

    def test_one_image_a_class_is_enough(
        self, training_of: Callable[[dict[str, int]], TrainingSet], resample: Resample, augment: Augment
    ) -> None:
        assert len(planned(training_of({"a": 1, "b": 1}), resample, augment)) >= 2

    def test_the_numbers_are_whole_and_not_negative(
        self, training: TrainingSet, resample: Resample, augment: Augment
    ) -> None:
        labels = training.rows["label"].to_numpy(dtype=object)
        order = training.rows["sha256"].to_numpy(dtype=object)
        times = resample.times(labels, order)
        new = augment.new_images(labels, times, order)
        for numbers in (times, new):
            assert numbers.shape == labels.shape
            assert numbers.dtype.kind == "i"
            assert (numbers >= 0).all()
        assert (new[times == 0] == 0).all()


@pytest.mark.parametrize("low", [0.3, 0.5, 0.8])
def test_a_larger_target_adds_rows_and_changes_none(training: TrainingSet, low: float) -> None:
    for less, more in (
        (planned(training, Oversample(target=low), NoAugment()), planned(training, Oversample(), NoAugment())),
        (planned(training, NoResample(), Minority(target=low)), planned(training, NoResample(), Minority())),
        (planned(training, Undersample(), NoAugment()), planned(training, Undersample(ratio=1 / low), NoAugment())),
        (planned(training, NoResample(), All()), planned(training, NoResample(), All(copies=2))),
    ):
        kept = more[more["row_id"].isin(less["row_id"])]
        pd.testing.assert_frame_equal(
            less.sort_values("row_id", ignore_index=True), kept.sort_values("row_id", ignore_index=True)
        )
        assert len(more) > len(less)


def test_one_more_image_changes_only_what_the_counts_force(
    training: TrainingSet, training_of: Callable[[dict[str, int]], TrainingSet]
) -> None:
    """A new rare image brings its own rows; it takes over the last places of others, and gives none to anyone."""
    larger = training_of({"common": 40, "rare": 8, "middling": 15})
    (newcomer,) = set(larger.rows["image_id"]) - set(training.rows["image_id"])
    for resample, augment in ((Oversample(), NoAugment()), (NoResample(), Minority())):
        before, after = planned(training, resample, augment), planned(larger, resample, augment)
        gone = set(before["row_id"]) - set(after["row_id"])
        come = after[~after["row_id"].isin(before["row_id"])]
        assert set(come["parent"]) == {newcomer}
        assert len(gone) == len(come)  # the class stays as large
        assert sizes(after) == sizes(before)
        highest = before.loc[before["label"] == "rare"].groupby("parent")["copy_number"].max()
        assert all(int(name.rpartition("c" if "-c" in name else "-")[2]) >= highest.min() - 1 for name in gone)
    natural = planned(larger, NoResample(), All())
    come = natural[~natural["row_id"].isin(planned(training, NoResample(), All())["row_id"])]
    assert sorted(come["origin"]) == ["augmented", "original"]
    assert set(come["parent"]) == {newcomer}


def test_the_seed_decides_who_is_picked_but_not_how_many(training: TrainingSet) -> None:
    one, two = (planned(training, Undersample(), NoAugment(), seed) for seed in (0, 1))
    assert sizes(one) == sizes(two)
    assert set(one["row_id"]) != set(two["row_id"])


def test_every_folds_own_set_stays_near_balance(training_of: Callable[[dict[str, int]], TrainingSet]) -> None:
    training = training_of({"common": 1000, "rare": 85, "middling": 240})
    for resample, augment in ((Oversample(), NoAugment()), (NoResample(), Minority()), (Undersample(), NoAugment())):
        rows = planned(training, resample, augment)
        for fold in range(5):
            own = np.array(list(sizes(outside_fold(rows, training.rows.assign(repeat=0), fold)).values()))
            assert own.max() / own.min() < 1.2
