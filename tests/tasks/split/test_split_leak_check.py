"""Relatives on different sides are found, counted a class and kind, and stop the run unless they are accepted."""

import itertools

import numpy as np
import pandas as pd
import pytest
from split_tables import components, pair_table, sides_of, tables

from tasks.errors import InputError
from tasks.lineage import prove_no_leak
from tasks.params.models import Split
from tasks.split.assignment import make_split
from tasks.split.leak_check import check_accepted, find_leaks

KINDS = ("given", "content", "name", "near")


def make(pairs, parts=(), number=60):
    """Labels a, b in turn; the first images have the given parts, the last ones are single."""
    labels = ["a", "b"] * (number // 2)
    relatives = components([f"{n:06}" for n in range(number)], pairs)
    catalog, groups = tables(labels, relatives["group"], [*parts, *[None] * (number - len(parts))])
    return catalog, groups, pair_table(pairs)


def expected(splits, pairs, labels):
    """Images with a relative across parts and across folds, by kind and class: every pair of images looked at."""
    used = splits[splits["part"] != "excluded"]
    part = dict(zip(used["image_id"], used["part"], strict=True))
    fold = dict(zip(used["image_id"], sides_of(used), strict=True))
    found = {"parts": {}, "folds": {}}
    for kind in KINDS:
        own = [pair for pair in pairs if pair[2] == kind]
        if kind == "near":
            own = [pair for pair in own if pair[0] in part and pair[1] in part]
        root = components(list(splits["image_id"]), own).set_index("image_id")["group"]
        across = {"parts": set(), "folds": set()}
        for one, other in itertools.combinations(part, 2):
            if root[one] == root[other]:
                if part[one] != part[other]:
                    across["parts"] |= {one, other}
                elif fold[one] != fold[other]:
                    across["folds"] |= {one, other}
        for what, images in across.items():
            counts = pd.Series([labels[image] for image in images], dtype=object).value_counts()
            if len(counts):
                found[what][kind] = {name: int(number) for name, number in counts.items()}
    return found


@pytest.mark.parametrize("seed", range(12))
def test_every_leak_of_a_torn_split_is_counted_a_class_and_kind(seed):
    generator = np.random.default_rng(seed)
    pairs = set()
    for first, second in generator.integers(0, 60, (30, 2)):
        if first != second:
            pairs.add((f"{min(first, second):06}", f"{max(first, second):06}", str(generator.choice(KINDS))))
    pairs = sorted(pairs)
    catalog, groups, table = make(pairs)
    splits = pd.DataFrame(
        {
            "image_id": catalog["image_id"],
            "group": groups["group"],
            "label": catalog["label"],
            "part": generator.choice(["train", "test", "excluded"], 60, p=[0.6, 0.25, 0.15]),
            "repeat": 0,
        }
    )
    splits["fold"] = pd.Series(generator.integers(0, 3, 60), dtype="Int16").where(splits["part"] == "train")
    labels = dict(zip(catalog["image_id"], catalog["label"], strict=True))
    leaks = find_leaks(splits, catalog, groups, table)
    assert leaks.counts() == expected(splits, pairs, labels)
    with pytest.raises(InputError, match="would leak"):
        check_accepted(leaks, [kind for kind in KINDS if kind != leaks.kinds[0]])
    check_accepted(leaks, KINDS)


def test_a_leak_in_a_later_repeat_only_is_found():
    pairs = [("000000", "000001", "near")]
    catalog, groups, table = make(pairs)
    splits = make_split(catalog, groups, Split(folds=3, repeats=2)).splits
    assert not find_leaks(splits, catalog, groups, table).kinds
    splits.loc[splits["image_id"] == "000000", ["part", "fold"]] = ["train", 0]
    splits.loc[splits["image_id"] == "000001", ["part", "fold"]] = ["train", 0]
    splits.loc[(splits["image_id"] == "000001") & (splits["repeat"] == 1), "fold"] = 2
    leaks = find_leaks(splits, catalog, groups, table)
    assert leaks.counts() == {"parts": {}, "folds": {"near": {"a": 1, "b": 1}}}
    assert leaks.pairs == [
        {"kind": "near", "first": "000000.png (train, fold 0, then 0)", "second": "000001.png (train, fold 0, then 2)"}
    ]


def test_members_of_a_given_group_are_relatives_though_the_one_between_them_is_left_out():
    chain = [("000000", "000001", "given"), ("000001", "000002", "given")]
    near = [("000003", "000004", "near"), ("000004", "000005", "near")]
    parts = ["train", None, "test", "train", None, "test", *["test"] * 4]
    catalog, groups, table = make(chain + near, parts)
    assignment = make_split(catalog, groups, Split(folds=3))
    assert assignment.excluded["image_id"].tolist() == ["000001", "000004"]
    leaks = find_leaks(assignment.splits, catalog, groups, table)
    assert leaks.counts() == {"parts": {"given": {"a": 2}}, "folds": {}}


def test_torn_given_parts_stop_with_kinds_counts_paths_and_remedies():
    pairs = [("000000", "000001", "near"), ("000002", "000003", "given"), ("000003", "000005", "given")]
    catalog, groups, table = make(pairs, ["train", "test", "train", "test", "test", "train", *["test"] * 4])
    splits = make_split(catalog, groups, Split(folds=3)).splits
    leaks = find_leaks(splits, catalog, groups, table)
    with pytest.raises(InputError) as caught:
        check_accepted(leaks, ["given"])
    message = str(caught.value)
    for words in (
        "given: 3 images have a relative in another part (a 1, b 2)",
        "near: 2 images have a relative in another part (a 1, b 1)",
        "near: 000000.png (train, fold ",
        " and 000001.png (test)",
        "in your folders or your table",
        "\n  equipoise run --set split.relatives=exclude\n",
        "equipoise freeze --discard",
        "split.accept: [given, near]",
    ):
        assert words in message
    assert leaks.as_json(["given", "near", "name"])["accepted"] == ["given", "near"]


def test_what_was_accepted_passes_the_later_checks():
    """The torn sides are groups of their own, so that the proof on the balanced set holds what it says."""
    pairs = [("000000", "000001", "near"), ("000002", "000003", "given")]
    catalog, groups, table = make(pairs, ["train", "test", "val", "train", *["test"] * 4, *["val"] * 4])
    splits = make_split(catalog, groups, Split(folds=3, repeats=2)).splits
    check_accepted(find_leaks(splits, catalog, groups, table), ["near", "given"])
    training = splits[(splits["part"] == "train") & (splits["repeat"] == 0)]
    balanced = pd.DataFrame(
        {
            "row_id": training["image_id"],
            "label": training["label"],
            "parents": [[image] for image in training["image_id"]],
            "fold": training["fold"],
            "fitted_on": None,
            "second_label": None,
        }
    )
    prove_no_leak(balanced, splits)
    assert splits.loc[splits["image_id"].isin(["000000", "000001", "000002", "000003"]), "group"].nunique() == 4


def test_groups_that_are_not_those_of_the_pairs_are_refused():
    catalog, groups, table = make([("000000", "000001", "near")], ["train", "test", *["test"] * 4])
    splits = make_split(catalog, groups, Split(folds=3)).splits
    with pytest.raises(InputError, match="equipoise run --force group"):
        find_leaks(splits, catalog, groups, table.iloc[:0])


def test_pairs_that_the_groups_keep_apart_are_no_relatives():
    catalog, groups, _ = make([])
    splits = make_split(catalog, groups, Split(folds=3)).splits
    assert not find_leaks(splits, catalog, groups, pair_table([("000000", "000001", "near")])).kinds
