"""Where the test part comes from, if it was not given: asked for, never guessed."""

import pytest
from split_tables import freeze, tables

from tasks.errors import InputError
from tasks.params.models import Split
from tasks.split.assignment import make_split
from tasks.split.given_parts import open_question


def given(**numbers):
    """Single images of classes a and b, so many a class with each part; `none` have none."""
    labels = [label for label in "ab" for number in numbers.values() for _ in range(number)]
    parts = [part for _ in "ab" for part, number in numbers.items() for _ in range(number)]
    return tables(labels, range(len(labels)), [None if part == "none" else part for part in parts])


def test_train_and_val_without_test_is_a_question_with_the_two_lines_to_type():
    with pytest.raises(InputError) as caught:
        make_split(*given(train=20, val=5), Split(folds=3))
    lines = str(caught.value).splitlines()
    assert lines[0] == "you gave the parts train and val, and no test part. Choose one of two:"
    assert lines[1::2] == [
        "  equipoise run --set split.test_from=val",
        "  equipoise run --set split.test_from=train",
    ]
    assert "10 images of the part val" in lines[2]
    assert "40 images of the part train" in lines[4]


def test_train_alone_is_a_question_with_the_line_to_type():
    with pytest.raises(
        InputError, match=r"(?s)the part train, and none .*equipoise run --set split\.test_from=train\n"
    ):
        make_split(*given(train=20), Split(folds=3))


@pytest.mark.parametrize(
    "parts", [["train", "val", "test"], ["train", "test"], ["train", None], ["train", "val", ""], ["val"], [None], []]
)
def test_nothing_is_asked_where_there_is_a_test_part_or_one_can_be_drawn(parts):
    assert open_question(parts, Split()) == ""


def test_nothing_is_asked_where_it_was_answered_or_time_decides():
    assert open_question(["train", "val"], Split())
    for params in (Split(test_from="val"), Split(test_from="train"), Split(by="time")):
        assert open_question(["train", "val"], params) == ""


def test_val_becomes_the_test_part():
    catalog, groups = given(train=20, val=5)
    splits = make_split(catalog, groups, Split(folds=3, test_from="val")).splits
    assert splits["part"].eq("test").tolist() == catalog["part"].eq("val").tolist()
    assert splits["fold"].dropna().value_counts().min() >= 13


def test_the_test_part_is_drawn_from_train_and_val_stays_the_validation_fold():
    catalog, groups = given(train=20, val=5)
    splits = make_split(catalog, groups, Split(folds=3, test_from="train")).splits
    assert splits["fold"].eq(0).fillna(False).tolist() == catalog["part"].eq("val").tolist()
    assert splits["part"].eq("test").sum() > 4
    assert set(splits.loc[splits["part"] == "test", "label"]) == {"a", "b"}
    assert not splits.loc[catalog["part"] == "val", "part"].eq("test").any()


def test_a_frozen_test_part_that_was_drawn_from_train_stays():
    catalog, groups = given(train=20, val=5)
    params = Split(folds=3, test_from="train")
    before = make_split(catalog, groups, params).splits
    after = make_split(catalog, groups, params, freeze(before)).splits
    assert after.equals(before)


@pytest.mark.parametrize("test_from", ["val", "train"])
def test_a_given_test_part_is_not_replaced(test_from):
    with pytest.raises(InputError, match=f"test_from is {test_from}, but 8 images have the part test .*to given"):
        make_split(*given(train=20, val=5, test=4), Split(folds=3, test_from=test_from))


def test_val_can_not_be_the_test_part_where_there_is_none():
    with pytest.raises(InputError, match="no labelled image has the part val"):
        make_split(*given(train=20, none=5), Split(folds=3, test_from="val"))


def test_by_group_val_may_be_the_test_part():
    letters = [letter for letter in "ABCDE" for _ in range(6)]
    parts = ["val" if letter == "B" else "train" for letter in letters]
    catalog, groups = tables(["a", "b"] * 15, letters, parts, given=letters)
    splits = make_split(catalog, groups, Split(by="group", test_from="val")).splits
    assert splits["part"].eq("test").tolist() == [letter == "B" for letter in letters]
    with pytest.raises(InputError, match=r"have the part val.*equipoise run --set split\.test_from=val"):
        make_split(catalog, groups, Split(by="group", test_from="train"))


def test_a_class_that_is_all_given_for_training_is_refused_with_the_line_to_type():
    catalog, groups = given(train=20, none=10)
    catalog.loc[catalog["label"] == "b", "part"] = "train"
    with pytest.raises(InputError, match=r"the classes 'b' are given the part train.*split\.test_from=train"):
        make_split(catalog, groups, Split(folds=3))
    make_split(catalog, groups, Split(folds=3, test_from="train"))


def test_no_message_sends_people_to_a_table_that_they_never_wrote():
    letters = [None] * 30
    for parts, params in (
        (["train", "val", "test"] * 10, Split(by="time")),
        (["train", "val", "test"] * 10, Split(by="group")),
        (["train"] * 29 + [None], Split(folds=3)),
    ):
        with pytest.raises(InputError) as caught:
            make_split(*tables(["a", "b"] * 15, range(30), parts, given=letters), params)
        assert "data/raw/table.csv" not in str(caught.value)
        assert "equipoise add" in str(caught.value)
