"""By group: each fold leaves one given group out, and the test part is whole given groups."""

import numpy as np
import pandas as pd
import pytest
from split_tables import components, freeze, tables

from tasks.errors import InputError
from tasks.params.models import Split
from tasks.split.assignment import make_split

BY_GROUP = Split(by="group")


def hospitals(counts, pairs=()):
    """Images of classes by given group (``{"A": "aabb"}``); only `pairs` are relatives, beside the given groups."""
    given = [name for name, labels in counts.items() for _ in labels]
    labels = [label for own in counts.values() for label in own]
    ids = [f"{number:06}" for number in range(len(labels))]
    chains = [(one, other, "given") for name in counts for one, other in pairwise(ids, given, name)]
    return tables(labels, components(ids, [*chains, *pairs])["group"], given=given)


def pairwise(ids, given, name):
    own = [image for image, group in zip(ids, given, strict=True) if group == name]
    return [(own[0], other) for other in own[1:]]


SIX = dict.fromkeys("ABCDEF", "aabbc" * 3)


@pytest.mark.parametrize("seed", range(5))
def test_each_fold_is_one_given_group_and_the_test_part_whole_ones(seed):
    catalog, groups = hospitals(SIX)
    assignment = make_split(catalog, groups, Split(by="group", seed=seed, test_share=0.3))
    splits = assignment.splits.assign(given=catalog["group"].to_numpy())
    assert (splits.groupby("given")["part"].nunique() == 1).all()
    test = sorted(set(splits.loc[splits["part"] == "test", "given"]))
    assert len(test) == 2
    folds = splits[splits["part"] == "train"].groupby("fold")["given"].agg(["nunique", "first"])
    assert folds["nunique"].tolist() == [1] * 4
    assert sorted([*folds["first"], *test]) == list(SIX)
    assert assignment.notes[0] == "each fold is one given group, so split.folds is not used"
    assert assignment.notes[1] == f"the test part is {test[0]!r}, {test[1]!r}"
    assert f"fold 0 leaves out {folds['first'][0]!r}" in assignment.notes


def test_the_seed_decides_which_groups_are_the_test_part():
    catalog, groups = hospitals(SIX)
    drawn = {tuple(make_split(catalog, groups, Split(by="group", seed=seed)).splits["part"]) for seed in range(8)}
    assert len(drawn) > 2


def test_given_groups_with_relatives_in_common_are_left_out_together():
    catalog, groups = hospitals(SIX, [("000000", "000020", "near")])  # of A and B
    assignment = make_split(catalog, groups, BY_GROUP)
    splits = assignment.splits.assign(given=catalog["group"].to_numpy())
    both = splits[splits["given"].isin(["A", "B"])]
    assert len(both[["part", "fold"]].drop_duplicates()) == 1
    assert any("'A + B'" in note for note in assignment.notes)


def test_a_class_may_be_missing_from_a_fold_but_from_no_folds_training_set():
    counts = {"A": "aabb", "B": "aabb", "C": "aabb", "D": "aabbcc", "E": "aabbcc", "F": "aabbcc", "G": "ab"}
    for seed in range(8):
        catalog, groups = hospitals(counts)
        assignment = make_split(catalog, groups, Split(by="group", seed=seed))
        splits = assignment.splits
        assert set(splits.loc[splits["part"] == "test", "label"]) == set("abc")
        training = splits[splits["part"] == "train"]
        lacking = 0
        for fold in training["fold"].unique():
            assert set(training.loc[training["fold"] != fold, "label"]) == set("abc")
            lacking += "c" not in set(training.loc[training["fold"] == fold, "label"])
        assert sum("has no image of 'c'" in note for note in assignment.notes) == lacking > 0


def test_a_given_test_part_is_kept_and_the_rest_are_folds():
    catalog, groups = hospitals(dict.fromkeys("ABC", "aabb"))
    catalog["part"] = catalog["part"].where(catalog["group"] != "B", "test")
    splits = make_split(catalog, groups, BY_GROUP).splits
    assert (splits["part"].eq("test") == catalog["group"].eq("B")).all()
    assert sorted(splits["fold"].dropna().unique()) == [0, 1]


def test_groups_given_for_training_are_never_the_test_part():
    catalog, groups = hospitals(SIX)
    catalog["part"] = catalog["part"].where(catalog["group"] == "F", "train")
    splits = make_split(catalog, groups, BY_GROUP).splits
    assert (splits["part"].eq("test") == catalog["group"].eq("F")).all()


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ({"A": "aabb", "B": "aabb"}, r"at least 3 given groups .*there are 2"),
        (
            {"A": "aabb", "B": "aabbc", "C": "aabbc"},
            r"each class in at least 3 given groups .*'c' is in 2; use split\.by: class",
        ),
    ],
)
def test_too_few_given_groups_are_refused(counts, told):
    with pytest.raises(InputError, match=told):
        make_split(*hospitals(counts), BY_GROUP)


def test_images_without_a_given_group_are_refused_by_their_number():
    catalog, groups = hospitals(SIX)
    catalog.loc[[3, 5], "group"] = None
    with pytest.raises(InputError, match=r"2 of 90 labelled images have no group from you.*000003\.png"):
        make_split(catalog, groups, BY_GROUP)


def test_a_given_validation_part_is_refused():
    catalog, groups = hospitals(SIX)
    catalog.loc[3, "part"] = "val"
    with pytest.raises(InputError, match=r"1 images have the part val"):
        make_split(catalog, groups, BY_GROUP)


def test_a_given_group_that_the_given_parts_tear_is_refused():
    catalog, groups = hospitals(SIX)
    catalog.loc[[0, 1], "part"] = ["train", "test"]
    with pytest.raises(InputError, match=r"different parts or folds, the first is 'A'"):
        make_split(catalog, groups, BY_GROUP)


def test_a_new_given_group_is_a_new_fold_and_old_ones_stay():
    catalog, groups = hospitals(SIX)
    before = make_split(catalog, groups, BY_GROUP).splits
    catalog, groups = hospitals(SIX | {"0new": "aabbc"})
    after = make_split(catalog, groups, BY_GROUP, freeze(before)).splits
    pd.testing.assert_frame_equal(after.iloc[:90], before)
    new = after.iloc[90:]
    assert len(new[["part", "fold"]].drop_duplicates()) == 1
    assert new["part"].iloc[0] == "test" or new["fold"].iloc[0] == before["fold"].max() + 1


def test_more_images_of_a_given_group_go_to_its_fold():
    catalog, groups = hospitals(SIX)
    before = make_split(catalog, groups, BY_GROUP).splits
    larger = tables([*catalog["label"], "a", "c"], [*groups["group"], "x", "y"], given=[*catalog["group"], "A", "F"])
    after = make_split(*larger, BY_GROUP, freeze(before)).splits
    place = after[["part", "fold"]].astype(object).where(after["fold"].notna(), None)
    assert place.iloc[90].tolist()[1] == place.iloc[0].tolist()[1]
    assert place.iloc[91].tolist()[1] == place.iloc[89].tolist()[1]
    assert np.array_equal(after["part"].to_numpy()[[90, 91]], after["part"].to_numpy()[[0, 89]])
