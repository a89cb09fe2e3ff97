"""Parts that the user gave are kept; relatives without one go with those that have one."""

import numpy as np
import pytest
from split_tables import tables

from tasks.errors import InputError
from tasks.params.models import Split
from tasks.split.assignment import make_split


def singles(number):
    return [f"g{n}" for n in range(number)]


def given(parts_of_class):
    """Single images of classes a and b, so many with each given part."""
    labels = [label for label in "ab" for number in parts_of_class.values() for _ in range(number)]
    parts = [part or None for _ in "ab" for part, number in parts_of_class.items() for _ in range(number)]
    return tables(labels, singles(len(labels)), parts), np.array(parts, dtype=object)


def test_a_given_test_part_is_the_test_part_and_no_more_is_drawn():
    (catalog, groups), parts = given({"test": 4, "train": 10, "": 10})
    splits = make_split(catalog, groups, Split(folds=4)).splits
    assert ((splits["part"] == "test") == (parts == "test")).all()
    assert set(splits.loc[splits["part"] == "train", "fold"]) == {0, 1, 2, 3}


def test_a_given_test_part_that_lacks_classes_is_refused_with_their_names():
    labels = ["a", "b", "c", "d"] * 10
    parts = ["test" if label in "ac" and number < 12 else None for number, label in enumerate(labels)]
    with pytest.raises(InputError, match=r"test part that you gave has no image of 'b', 'd': give .*ingest\.drop"):
        make_split(*tables(labels, singles(40), parts), Split(folds=3))


def test_a_given_validation_part_is_fold_0_and_the_others_fill_the_rest():
    (catalog, groups), parts = given({"val": 5, "train": 20, "": 10})
    splits = make_split(catalog, groups, Split(folds=4)).splits
    assert (splits["fold"].eq(0).fillna(False) == (parts == "val")).all()
    assert set(splits.loc[splits["part"] == "train", "fold"]) == {0, 1, 2, 3}
    assert (splits["part"] == "test").any()


def test_images_given_for_training_are_never_in_the_test_part():
    (catalog, groups), parts = given({"train": 30, "": 3})
    splits = make_split(catalog, groups, Split(test_share=0.5, folds=3)).splits
    assert set(parts[splits["part"] == "test"]) == {None}
    assert set(splits.loc[splits["part"] == "test", "label"]) == {"a", "b"}


def test_relatives_of_an_image_with_a_given_part_go_with_it():
    labels = ["a", "b"] * 20
    parts = ["test" if number < 4 else None for number in range(40)]
    groups = ["same" if number in (0, 39) else f"g{number}" for number in range(40)]
    splits = make_split(*tables(labels, groups, parts), Split(folds=3)).splits
    assert splits["part"].iloc[39] == "test"


@pytest.mark.parametrize(("one", "other"), [("train", "test"), ("val", "train"), ("val", "test")])
def test_relatives_with_different_given_parts_keep_them_and_count_as_groups_of_their_own(one, other):
    labels = ["a", "b"] * 30
    parts = [one, other, None, *[None] * 57]
    for at, part in ((10, "val"), (20, "test")):
        if part in (one, other):
            parts[at : at + 6] = [part] * 6
    groups = ["same"] * 3 + singles(57)
    assignment = make_split(*tables(labels, groups, parts), Split(folds=3))
    splits = assignment.splits
    assert splits["part"].tolist()[:3] == [part.replace("val", "train") for part in (one, other)] + ["excluded"]
    assert splits["group"].tolist()[:2] == ["000000", "000001"]
    assert assignment.excluded["image_id"].tolist() == ["000002"]
    if one == "val":
        assert splits["fold"].iloc[0] == 0
        assert 0 not in splits["fold"].fillna(-1).tolist()[1:3]


def test_if_all_images_are_given_for_training_that_is_said():
    (catalog, groups), _ = given({"train": 30})
    with pytest.raises(InputError, match="part train"):
        make_split(catalog, groups, Split(folds=3))


def test_a_class_that_only_the_given_validation_part_has_is_refused():
    labels = ["a", "b"] * 20 + ["c"] * 10
    parts = [None] * 40 + ["val"] * 10
    with pytest.raises(InputError, match="'c' has 0"):
        make_split(*tables(labels, singles(50), parts), Split(folds=3))


def test_with_two_folds_a_given_validation_part_must_hold_all_classes():
    labels = ["a", "b"] * 20
    parts = ["val" if number in (0, 2, 4) else None for number in range(40)]
    with pytest.raises(InputError, match="two folds"):
        make_split(*tables(labels, singles(40), parts), Split(folds=2))
