"""Old images stay where they are when new ones come; a new image that would tie both sides together is left out."""

import numpy as np
import pandas as pd
import pytest
from split_tables import components, freeze, long_tail, pair_table, rich_enough, sides_of, tables

from tasks.errors import InputError
from tasks.params.models import Split
from tasks.split.assignment import make_split
from tasks.split.frozen import check_folds, frozen_text, read_frozen
from tasks.split.leak_check import check_accepted, find_leaks
from tasks.split.summary import moved, summarise
from tasks.tables import SPLITS

HEADER = "image_id,part,repeat,fold\n"


def singles(number):
    return [f"g{n}" for n in range(number)]


def grown(seed, share):
    """A long tail and the same with `share` more images, some of them relatives of old ones. Old ones come first."""
    generator = np.random.default_rng([seed, 3])
    labels, groups, folds = long_tail(seed, tops=(300, 1000))
    keep = rich_enough(labels, groups, folds + 1)
    labels, groups = list(np.array(labels)[keep]), list(np.array(groups)[keep])
    number = max(1, int(share * len(labels)))
    chosen = generator.integers(0, len(labels), number)
    new_groups = [groups[at] if generator.random() < 0.3 else f"new{n // 2}" for n, at in enumerate(chosen)]
    return labels, groups, [labels[at] for at in chosen], new_groups, folds


@pytest.mark.parametrize("share", [0.01, 0.1])
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("repeats", [1, 2])
def test_every_old_image_stays_and_shares_stay_near_their_targets(seed, share, repeats):
    labels, groups, new_labels, new_groups, folds = grown(seed, share)
    params = Split(folds=folds, seed=seed, repeats=repeats)
    before = make_split(*tables(labels, groups), params).splits
    after = make_split(*tables(labels + new_labels, groups + new_groups), params, freeze(before)).splits
    old = after[after["image_id"].isin(before["image_id"])].reset_index(drop=True)
    columns = ["image_id", "repeat", "part", "fold"]
    pd.testing.assert_frame_equal(old[columns], before[columns])
    assert not (after["part"] == "excluded").any()
    sides = sides_of(after)
    assert (sides.groupby([after["repeat"], after["group"]]).nunique() == 1).all()
    targets = np.array([0.2] + [0.8 / folds] * folds)
    for _, own in after.groupby("repeat"):
        counts = pd.crosstab(own["label"], sides_of(own))
        largest = own.groupby(["group", "label"]).size().groupby("label").max()
        off = (counts - np.outer(counts.sum(axis=1), targets)).abs().max(axis=1)
        assert (counts > 0).all(axis=None)
        assert (off <= 2 * largest[counts.index] + 0.02 * counts.sum(axis=1)).all()


def test_freezing_changes_nothing_so_that_nothing_after_it_is_stale():
    labels, groups, folds = long_tail(3)
    keep = rich_enough(labels, groups, folds + 1)
    catalog, relatives = tables([*np.array(labels)[keep], None], [*np.array(groups)[keep], "alone"])
    params = Split(folds=folds, repeats=2)
    before = make_split(catalog, relatives, params)
    after = make_split(catalog, relatives, params, freeze(before.splits))
    pd.testing.assert_frame_equal(before.splits, after.splits)
    assert summarise(before) == summarise(after)


def test_more_repeats_keep_the_frozen_ones_and_the_test_part():
    catalog, groups = tables(["a", "b"] * 30, [f"g{n // 2}" for n in range(60)])
    before = make_split(catalog, groups, Split(folds=3)).splits
    after = make_split(catalog, groups, Split(folds=3, repeats=3, seed=9), freeze(before)).splits
    pd.testing.assert_frame_equal(after[after["repeat"] == 0], before)
    for _, own in after.groupby("repeat"):
        assert own["part"].tolist() == before["part"].tolist()
    folds = after.pivot(index="image_id", columns="repeat", values="fold").dropna()
    assert (folds[0] != folds[1]).any()
    assert (folds[1] != folds[2]).any()


@pytest.fixture
def settled():
    """Labels, groups and frozen assignment of 40 single images; 10 are test images."""
    labels = ["a", "b"] * 20
    splits = make_split(*tables(labels, singles(40)), Split(folds=2, test_share=0.25)).splits
    return labels, splits


def test_a_new_image_with_relatives_on_both_sides_is_left_out_with_the_reason(settled):
    labels, splits = settled
    ids = splits["image_id"]
    test = ids[splits["part"] == "test"].iloc[0]
    folds = [ids[splits["fold"].eq(fold).fillna(False)].iloc[0] for fold in (0, 1)]
    new = [f"{number:06}" for number in (40, 41, 42, 43)]
    pairs = [(test, new[0], "near"), (folds[0], new[0], "near")]  # both parts
    pairs += [(folds[0], new[1], "near"), (folds[1], new[1], "content")]  # two folds
    pairs += [(splits["image_id"].iloc[5], new[2], "near")]  # one relative: goes with it
    if splits["image_id"].iloc[5] in (test, *folds):
        pytest.fail("the third image should not be related to the others")
    pairs = [(min(a, b), max(a, b), kind) for a, b, kind in pairs]
    relatives = components([*ids, *new], pairs)
    catalog, groups = tables([*labels, "a", "a", "b", "b"], relatives["group"])
    assignment = make_split(catalog, groups, Split(folds=2), freeze(splits))
    after = assignment.splits.set_index("image_id")
    assert after.loc[new, "part"].tolist()[:2] == ["excluded"] * 2
    one = after.loc["000005"]
    assert (after.loc[new[2], "part"], after.loc[new[2], "group"]) == (one["part"], one["group"])
    assert after.loc[new[3], "part"] in ("train", "test")
    assert after.loc[ids, "part"].tolist() == splits["part"].tolist()
    assert not find_leaks(assignment.splits, catalog, groups, pair_table(pairs)).kinds
    excluded = summarise(assignment)["excluded"]
    # All are one group of relatives by now, which has images in the test part.
    assert [(image["image_id"], image["reason"]) for image in excluded["related"]] == [
        (new[0], "has relatives in the test part and in training"),
        (new[1], "has relatives in the test part and in training"),
    ]
    assert excluded["related_of_class"] == {"a": 2}


def test_a_new_image_with_relatives_in_two_folds_is_left_out(settled):
    labels, splits = settled
    first, second = (splits.loc[splits["fold"].eq(fold).fillna(False), "image_id"].iloc[0] for fold in (0, 1))
    pairs = [(first, "000040", "near"), (second, "000040", "near")]
    relatives = components([*splits["image_id"], "000040"], pairs)
    assignment = make_split(*tables([*labels, "a"], relatives["group"]), Split(folds=2), freeze(splits))
    assert assignment.excluded["reason"].tolist() == ["has relatives in several folds"]


def test_old_images_that_turn_out_to_be_relatives_on_two_sides_are_a_leak(settled):
    labels, splits = settled
    test, train = (splits.loc[splits["part"] == part, "image_id"].iloc[0] for part in ("test", "train"))
    pairs = [(min(test, train), max(test, train), "near")]
    catalog, groups = tables(labels, components(splits["image_id"], pairs)["group"])
    after = make_split(catalog, groups, Split(folds=2), freeze(splits)).splits
    assert after["part"].tolist() == splits["part"].tolist()
    with pytest.raises(InputError, match=r"(?s)near: 2 images .*freeze --discard.*split\.accept: \[near\]") as caught:
        check_accepted(find_leaks(after, catalog, groups, pair_table(pairs)), [])
    assert f"{test}.png (test)" in str(caught.value)


def test_a_new_class_gets_into_all_places_beside_the_frozen_ones(settled):
    labels, splits = settled
    after = make_split(*tables([*labels, *["c"] * 6], singles(46)), Split(folds=2), freeze(splits)).splits
    assert pd.crosstab(after["label"], sides_of(after)).loc["c"].min() > 0


def test_a_class_that_the_frozen_images_keep_from_a_place_is_named_with_the_remedy(settled):
    labels, splits = settled
    frozen = freeze(splits)
    frozen = frozen[~((frozen["part"] == "test") & np.array([label == "a" for label in labels]))]
    kept = frozen["image_id"]
    catalog, groups = tables(labels, singles(40))
    catalog, groups = (table[table["image_id"].isin(kept)] for table in (catalog, groups))
    with pytest.raises(InputError, match=r"'a' has 2.*equipoise freeze --discard"):
        make_split(catalog, groups, Split(folds=2), frozen)


def test_a_given_part_against_the_frozen_one_is_refused(settled):
    labels, splits = settled
    parts = [None] * 40
    parts[splits.index[splits["part"] == "test"][0]] = "train"
    with pytest.raises(
        InputError, match=r"1 images have a given part that is not the frozen one.*\(train\).*--discard"
    ):
        make_split(*tables(labels, singles(40), parts), Split(folds=2), freeze(splits))


def test_images_that_are_gone_are_ignored(settled):
    labels, splits = settled
    catalog, groups = tables(labels, singles(40))
    gone = splits["image_id"].iloc[[3, 8]]
    catalog, groups = (table[~table["image_id"].isin(gone)] for table in (catalog, groups))
    after = make_split(catalog, groups, Split(folds=2), freeze(splits)).splits
    kept = splits[~splits["image_id"].isin(gone)].reset_index(drop=True)
    pd.testing.assert_frame_equal(after, kept)


def test_a_split_drawn_anew_says_what_moved(settled):
    labels, splits = settled
    after = make_split(*tables(labels, singles(40)), Split(folds=2, test_share=0.25, seed=5)).splits
    found = moved(after, freeze(splits))
    parts, folds = {}, {}
    for label, one, other in zip(labels, splits.itertuples(), after.itertuples(), strict=True):
        if one.part != other.part:
            parts[label] = parts.get(label, 0) + 1
        elif one.part == "train" and one.fold != other.fold:
            folds[label] = folds.get(label, 0) + 1
    assert found == {"compared": 40, "parts": parts, "folds": folds}
    assert parts
    assert moved(splits, freeze(splits)) == {"compared": 40, "parts": {}, "folds": {}}


def test_the_file_brings_the_assignment_back(tmp_path):
    catalog, groups = tables([*["a", "b"] * 20, None], singles(41))
    splits = make_split(catalog, groups, Split(folds=2, repeats=2)).splits
    SPLITS.write(splits, tmp_path / "splits.parquet")
    (tmp_path / "frozen.csv").write_text(frozen_text(SPLITS.read(tmp_path / "splits.parquet")))
    found = read_frozen(tmp_path / "frozen.csv")
    assert len(found) == 80
    expected = freeze(splits).sort_values(["image_id", "repeat"], ignore_index=True)
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)
    assert frozen_text(splits.sample(frac=1, random_state=0)) == frozen_text(splits)
    assert frozen_text(splits.iloc[:0]) == HEADER


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", r":1: the first line should be image_id,part,repeat,fold"),
        ("image,part\n", r":1: the first line should be"),
        (HEADER + "x,train,0,1\ny,val,0,0\n", r":3: unknown part 'val'"),
        (HEADER + "x,train,0,1\n<<<<<<< HEAD\n", r":3: 1 values instead of 4"),
        (HEADER + "x,train,0,\n", r":2: fold '' should be a whole number"),
        (HEADER + "x,train,0,-1\n", r":2: fold '-1' should be"),
        (HEADER + "x,train,0,1.0\n", r":2: fold '1.0' should be"),
        (HEADER + "x,test,0,1\n", r":2: an image of the part test lies in no fold, but here stands '1'"),
        (HEADER + "x,train,first,1\n", r":2: repeat 'first' should be"),
        (HEADER + ",train,0,1\n", r":2: no image_id"),
        (HEADER + "x,train,0,1\ny,test,0,\nx,train,0,0\n", r":4: repeat 0 of x stands in line 2 already"),
        (HEADER + "x,train,0,1\nx,test,1,\n", r":3: x is 'test' here and 'train' in another repeat"),
        (HEADER + "x,train,0,1\nx,train,1,1\ny,train,0,0\n", r"y has no line of repeat 1"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_with_the_line_and_the_remedy(tmp_path, text, told):
    (tmp_path / "frozen.csv").write_text(text)
    with pytest.raises(InputError, match=rf"frozen\.csv{told}.*equipoise freeze --discard" if told[0] == ":" else told):
        read_frozen(tmp_path / "frozen.csv")


def test_a_missing_file_is_not_taken_for_an_empty_one(tmp_path):
    with pytest.raises(InputError, match=r"is missing; get the file back from git"):
        read_frozen(tmp_path / "frozen.csv")


@pytest.mark.parametrize("folds", [2, 4])
def test_another_number_of_folds_than_the_frozen_one_is_refused(folds):
    catalog, groups = tables(["a", "b"] * 20, singles(40))
    frozen = freeze(make_split(catalog, groups, Split(folds=3)).splits)
    with pytest.raises(InputError, match=rf"holds 3 folds, but split.folds is {folds}: set split.folds=3.*--discard"):
        make_split(catalog, groups, Split(folds=folds), frozen)
    check_folds(frozen, 3)
    check_folds(frozen.iloc[:0], folds)


def test_the_part_audit_of_earlier_versions_freezes_nothing_and_that_is_said(tmp_path, capsys):
    path = tmp_path / "frozen.csv"
    path.write_text("image_id,part,repeat,fold\na,train,0,1\nb,audit,0,\nc,test,0,\n")
    found = read_frozen(path)
    assert found["image_id"].tolist() == ["a", "c"]
    assert (
        "1 images of frozen.csv lie in the part audit, which is no more: they are placed like new"
        in capsys.readouterr().out
    )
    path.write_text("image_id,part,repeat,fold\nb,audit,0,1\n")
    with pytest.raises(InputError, match="an image of the part audit lies in no fold, but here stands '1'"):
        read_frozen(path)
