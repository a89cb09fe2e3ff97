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
from tasks.balance.mixed.none import Unchanged as NoMix
from tasks.balance.originals import Originals
from tasks.balance.plan import Plan, plan
from tasks.balance.presets.industrial import Industrial
from tasks.balance.resample import Resample
from tasks.balance.resample.edited_neighbours import EditedNeighboursResample
from tasks.balance.resample.k_means import KMeansRepresentatives
from tasks.balance.resample.near_miss import NearMissResample
from tasks.balance.resample.none import Unchanged as NoResample
from tasks.balance.resample.oversample import Oversample
from tasks.balance.resample.rebalance import Rebalance
from tasks.balance.resample.undersample import Undersample
from tasks.balance.spread import spread
from tasks.balance.targets import Target
from tasks.errors import InputError
from tasks.lineage import TrainingSet, prove_no_leak
from tasks.registry import components
from tasks.tables import BALANCED

RESAMPLERS = [kind() for kind in components("tasks.balance.resample").values()]
AUGMENTERS = [kind() for kind in components("tasks.balance.augment").values()]


def features_of(training: TrainingSet) -> np.ndarray:
    """A vector an image that hangs on its content alone; classes lie apart, and overlap."""
    centres = {name: 2.0 * place for place, name in enumerate(training.classes)}
    drawn = [
        np.random.default_rng(int(row.sha256[:8], 16)).normal(centres[row.label], 1, 8)
        for row in training.rows.itertuples()
    ]
    return np.array(drawn, dtype=np.float32)


def whole_plan(training: TrainingSet, resample: Resample, augment: Augment, seed: int = 0) -> Plan:
    return plan(training, resample, augment, Industrial(), NoMix(), seed, features_of(training))


def planned(training: TrainingSet, resample: Resample, augment: Augment, seed: int = 0) -> pd.DataFrame:
    rows = whole_plan(training, resample, augment, seed).rows
    return rows.assign(parent=rows["parents"].str[0])


def largest(part: float) -> Target:
    return Target.of({"largest": part})


def smallest(times: float) -> Target:
    return Target.of({"smallest": times})


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
    rows = planned(training, Undersample(to=smallest(ratio)), NoAugment())
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
    copied = planned(training, Oversample(to=largest(target)), NoAugment())
    augmented = planned(training, NoResample(), Minority(to=largest(target)))
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
    rows = planned(training, Undersample(to=smallest(2)), Minority())
    used = set(rows.loc[rows["origin"] == "original", "row_id"])
    assert set(rows["parent"]) == used
    assert sizes(rows) == {"common": 14, "rare": 14, "middling": 14}


@pytest.mark.parametrize("resample", RESAMPLERS, ids=lambda one: one.name)
@pytest.mark.parametrize("augment", AUGMENTERS, ids=lambda one: one.name)
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
        rows = training.rows
        originals = Originals(
            rows["label"].to_numpy(dtype=object),
            rows["fold"].to_numpy(),
            rows["sha256"].to_numpy(dtype=object),
            features_of(training),
        )
        times = resample.times(originals)
        new = augment.new_images(originals, times)
        for numbers in (times, new):
            assert numbers.shape == originals.labels.shape
            assert numbers.dtype.kind == "i"
            assert (numbers >= 0).all()
        assert (new[times == 0] == 0).all()


@pytest.mark.parametrize("low", [0.3, 0.5, 0.8])
def test_a_larger_target_adds_rows_and_changes_none(training: TrainingSet, low: float) -> None:
    for less, more in (
        (
            planned(training, Oversample(to=largest(low)), NoAugment()),
            planned(training, Oversample(), NoAugment()),
        ),
        (
            planned(training, NoResample(), Minority(to=largest(low))),
            planned(training, NoResample(), Minority()),
        ),
        (
            planned(training, Undersample(), NoAugment()),
            planned(training, Undersample(to=smallest(1 / low)), NoAugment()),
        ),
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
            own = np.array(list(sizes(training.outside_fold(rows, fold)).values()))
            assert own.max() / own.min() < 1.2


@pytest.mark.parametrize("resample", [one for one in RESAMPLERS if one.needs_features], ids=lambda one: one.name)
def test_a_choice_in_feature_space_hangs_on_images_of_its_own_fold_only(
    training: TrainingSet, resample: Resample
) -> None:
    """The images of fold 0 are chosen alike, whatever the others look like."""
    features = features_of(training)
    elsewhere = training.rows["fold"].to_numpy() != 0
    shaken = features.copy()
    shaken[elsewhere] = np.random.default_rng(1).normal(0, 5, shaken[elsewhere].shape)
    kept = []
    for vectors in (features, shaken):
        rows = plan(training, resample, NoAugment(), Industrial(), NoMix(), 0, vectors).rows
        kept.append(set(rows.loc[rows["fold"] == 0, "row_id"]))
    assert kept[0] == kept[1]


def test_representatives_are_spread_over_the_clusters_of_a_class(
    training_of: Callable[[dict[str, int]], TrainingSet],
) -> None:
    """Of a fold's forty images at one place and two far off, the two are kept; by chance they would mostly be lost."""
    training = training_of({"common": 210, "rare": 15})
    features = np.zeros((len(training.rows), 2), dtype=np.float32)
    features[:, 0] = 1
    noise = np.random.default_rng(0).normal(0, 0.01, features.shape).astype(np.float32)
    odd = []
    for fold in range(5):
        of_fold = (training.rows["fold"] == fold) & (training.rows["label"] == "common")
        odd += list(training.rows.index[of_fold][:2])
    features[odd[::2]] = [0, 1]
    features[odd[1::2]] = [-1, 0]
    rows = plan(training, KMeansRepresentatives(), NoAugment(), Industrial(), NoMix(), 0, features + noise).rows
    assert set(training.rows.loc[odd, "image_id"]) <= set(rows["row_id"])
    assert sizes(rows) == {"common": 15, "rare": 15}


def test_near_miss_keeps_what_lies_nearest_to_the_smallest_class(training: TrainingSet) -> None:
    features = features_of(training)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    rows = plan(training, NearMissResample(), NoAugment(), Industrial(), NoMix(), 0, features).rows
    kept = set(rows["row_id"])
    table = training.rows.reset_index(drop=True)
    for fold in range(5):
        rare = unit[(table["fold"] == fold) & (table["label"] == "rare")]
        common = table[(table["fold"] == fold) & (table["label"] == "common")]
        nearest = min(3, len(rare))
        mean = {
            row.image_id: float(np.sort(np.linalg.norm(rare - unit[row.Index], axis=1))[:nearest].mean())
            for row in common.itertuples()
        }
        in_set = [name for name in mean if name in kept]
        assert max(mean[name] for name in in_set) <= min(mean[name] for name in mean if name not in kept)


def test_edited_neighbours_drop_what_most_neighbours_contradict(training: TrainingSet) -> None:
    features = features_of(training)
    table = training.rows.reset_index(drop=True)
    stray = int(table.index[(table["label"] == "common") & (table["fold"] == 0)][0])
    home = (table["label"] == "middling") & (table["fold"] == 0)
    features[stray] = features[home].mean(axis=0)
    rows = plan(training, EditedNeighboursResample(), NoAugment(), Industrial(), NoMix(), 0, features).rows
    assert table.loc[stray, "image_id"] not in set(rows["row_id"])
    assert sizes(rows)["rare"] == 7


def test_rebalancing_cuts_and_copies_to_the_mean_class(training: TrainingSet) -> None:
    rows = planned(training, Rebalance(), NoAugment())
    assert sizes(rows) == {"common": 21, "rare": 21, "middling": 21}  # 62 images, 20.67 a class
    assert sizes(rows[rows["origin"] == "copy"]) == {"rare": 14, "middling": 6}


def test_every_component_tells_what_it_was_asked_for_and_reached(training: TrainingSet) -> None:
    named = Target.of({"counts": {"common": 10, "rare": 20}})
    (resampled, augmented) = whole_plan(training, Undersample(to=named), Minority()).accounts
    assert (resampled.kind, resampled.rule) == ("resample", "undersample")
    assert resampled.before == {"common": 40, "middling": 15, "rare": 7}
    assert resampled.asked == {"common": 10, "middling": 15, "rare": 20}
    assert resampled.after == {"common": 10, "middling": 15, "rare": 7}
    assert resampled.notes == ["rare: 20 asked, 7 reached; undersample adds none; let another component"]
    assert augmented.after == {"common": 15, "middling": 15, "rare": 15}
    assert augmented.notes == []


def test_a_target_that_names_an_unknown_class_is_refused_before_anything_is_made(training: TrainingSet) -> None:
    with pytest.raises(InputError, match="'rear', which is no class of the training set; there are common, middling"):
        planned(training, NoResample(), Minority(to=Target.of({"counts": {"rear": 20}})))


def test_a_mistyped_count_is_refused_before_a_row_is_planned(training: TrainingSet) -> None:
    huge = Target.of({"counts": {"rare": 10_000_000_000}})
    with pytest.raises(InputError, match=r"asks for 10,000,000,0\d\d rows, more than 5,000,000: look at its targets"):
        planned(training, NoResample(), Minority(to=huge))


def test_a_rule_without_a_target_is_not_said_to_have_missed_it(training: TrainingSet) -> None:
    (account,) = whole_plan(training, EditedNeighboursResample(), NoAugment()).accounts
    assert account.asked is None
    assert account.after != account.before
    assert account.notes == []
