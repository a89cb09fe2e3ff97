"""By time: the test part is what came last, folds are blocks of time, and no training image is of the future."""

import numpy as np
import pandas as pd
import pytest
from split_tables import freeze, tables

from tasks.errors import InputError
from tasks.params.models import Split
from tasks.split.assignment import make_split
from tasks.split.by_time import cut

BY_TIME = Split(by="time", folds=3, test_share=0.25)


def stamp(day):
    return (pd.Timestamp("2020-01-01") + pd.Timedelta(days=int(day))).isoformat()


def random_times(seed, number=200):
    """Catalog, groups and days of images in groups whose members were taken within some days of each other."""
    generator = np.random.default_rng(seed)
    groups = np.sort(generator.integers(0, number // 3, number))
    starts = generator.integers(0, 400, number)
    days = starts[groups] + generator.integers(0, 5, number)
    labels = [str(label) for label in generator.choice(["a", "b", "c"], number, p=[0.5, 0.3, 0.2])]
    return *tables(labels, [f"g{group}" for group in groups], taken=[stamp(day) for day in days]), days


@pytest.mark.parametrize("seed", range(10))
def test_no_block_begins_before_the_last_group_of_the_one_before_has_ended(seed):
    catalog, groups, days = random_times(seed)
    splits = make_split(catalog, groups, BY_TIME).splits
    place = splits["fold"].astype("float").where(splits["part"] == "train", 3)  # the test part comes last
    latest = pd.Series(days).groupby(splits["group"]).max()
    ends = latest.groupby(place.groupby(splits["group"]).first()).agg(["min", "max"])
    assert len(ends) == 4
    for before in range(3):
        assert ends["max"][before] < ends["min"][before + 1]
    assert (place.groupby(splits["group"]).nunique() == 1).all()
    train, test = (days[splits["part"] == part] for part in ("train", "test"))
    assert train.max() < latest[splits.loc[splits["part"] == "test", "group"]].min()
    assert abs(len(test) / len(days) - 0.25) < 0.06


def test_blocks_come_as_near_to_their_shares_as_times_allow():
    times, sizes = np.array([5, 1, 3, 3, 9, 7]), np.array([2, 2, 1, 1, 2, 2])
    np.testing.assert_array_equal(cut(times, sizes, np.array([0.4, 0.4, 0.2])), [1, 5, 9])
    np.testing.assert_array_equal(cut(times, sizes, np.array([0.2] * 5)), [1, 3, 5, 7, 9])
    np.testing.assert_array_equal(cut(times, sizes, np.array([0.05, 0.05, 0.9])), [1, 3, 5])
    with pytest.raises(InputError, match="only 5 different times, and 6 are needed"):
        cut(times, sizes, np.full(6, 1 / 6))


def test_images_without_a_time_are_refused_by_their_number():
    catalog, groups, _ = random_times(0)
    catalog.loc[[4, 9], "taken"] = [None, "yesterday"]
    with pytest.raises(InputError, match=r"2 of 200 labelled images have no time .*000004\.png.*split\.by: class"):
        make_split(catalog, groups, BY_TIME)
    catalog.loc[[4, 9], "label"] = None
    make_split(catalog, groups, BY_TIME)


def test_given_parts_are_refused():
    catalog, groups, _ = random_times(0)
    catalog.loc[7, "part"] = "test"
    with pytest.raises(InputError, match=r"1 images have a part from you, for instance 000007\.png"):
        make_split(catalog, groups, BY_TIME)


def in_order(labels):
    """Single images, a day apart."""
    return tables(labels, range(len(labels)), taken=[stamp(day) for day in range(len(labels))])


def test_a_class_that_is_not_among_the_latest_is_refused():
    with pytest.raises(InputError, match=r"test part, is of 'c': raise split\.test_share"):
        make_split(*in_order(["a", "b"] * 10 + ["c"] * 5 + ["a", "b"] * 10), BY_TIME)


def test_a_class_that_lies_in_one_fold_only_is_refused():
    with pytest.raises(InputError, match=r"all training images of 'c' lie in fold 0"):
        make_split(*in_order(["c"] * 5 + ["a", "b"] * 20 + ["c"] * 5), BY_TIME)


def test_a_class_that_a_fold_lacks_is_told():
    labels = ["a", "b", "c"] * 6 + ["a", "b"] * 12 + ["c", "a", "b"] * 13
    assignment = make_split(*in_order(labels), BY_TIME)
    lacking = [
        fold
        for fold in range(3)
        if "c" not in set(assignment.splits.loc[assignment.splits["fold"].eq(fold).fillna(False), "label"])
    ]
    assert lacking
    assert assignment.notes == [f"fold {fold} has no image of 'c': none was taken at that time" for fold in lacking]


def test_new_images_join_the_block_of_their_time_and_old_ones_stay():
    catalog, groups, _ = random_times(3)
    before = make_split(catalog, groups, BY_TIME).splits
    new_days = [0, 100, 200, 399, 500, 501]
    labels = [*catalog["label"], *["a"] * 6]
    names = [*groups["group"], *(f"new{number}" for number in range(6))]
    larger = tables(labels, names, taken=[*catalog["taken"], *map(stamp, new_days)])
    after = make_split(*larger, BY_TIME, freeze(before)).splits
    pd.testing.assert_frame_equal(after.iloc[:200], before)
    new = after.iloc[200:]
    assert new["part"].tolist()[-2:] == ["test", "test"]
    times = pd.to_datetime(catalog["taken"])
    latest = times.groupby(groups["group"]).max()
    for row, day in zip(new.itertuples(), new_days, strict=True):
        place = before.assign(latest=latest[before["group"]].to_numpy())
        earlier = place[place["latest"] <= stamp(day)].sort_values("latest", kind="stable")
        expected = earlier.iloc[-1] if len(earlier) else before[before["fold"].eq(0).fillna(False)].iloc[0]
        assert (row.part, row.fold if row.part == "train" else None) == (
            expected["part"],
            expected["fold"] if expected["part"] == "train" else None,
        )


def test_a_new_image_of_the_future_with_relatives_in_training_is_left_out():
    labels = ["a", "b"] * 20
    catalog, groups = in_order(labels)
    before = make_split(catalog, groups, BY_TIME).splits
    larger = tables([*labels, "a", "b"], [*range(40), 0, 39], taken=[*catalog["taken"], stamp(60), stamp(5)])
    assignment = make_split(*larger, BY_TIME, freeze(before))
    assert assignment.excluded["image_id"].tolist() == ["000040"]
    assert assignment.excluded["reason"].tolist() == [
        "is later than the first test image, but has relatives in training"
    ]
    assert assignment.splits["part"].iloc[41] == "test"
    assert assignment.splits["part"].tolist()[:40] == before["part"].tolist()


def test_a_frozen_assignment_that_was_not_made_by_time_is_refused():
    catalog, groups, _ = random_times(0)
    frozen = freeze(make_split(catalog, groups, Split(folds=3)).splits)
    with pytest.raises(InputError, match=r"don't follow each other in time.*equipoise freeze --discard"):
        make_split(catalog, groups, BY_TIME, frozen)
