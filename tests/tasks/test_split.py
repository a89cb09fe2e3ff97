"""No relatives are on two sides, no class that could be everywhere is lost, and sizes come near to what was asked."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from tasks.errors import InputError
from tasks.params.models import Split
from tasks.split import check_split, find_places, make_split, place_groups, summarise
from tasks.tables import SPLITS


def tables(labels, groups, parts=None):
    """Catalog and groups of images numbered in order."""
    ids = [f"{number:06}" for number in range(len(labels))]
    parts = [None] * len(labels) if parts is None else parts
    catalog = pd.DataFrame({"image_id": ids, "path": [f"{name}.png" for name in ids], "label": labels, "part": parts})
    return catalog.astype({"label": "str", "part": "object"}), pd.DataFrame({"image_id": ids, "group": list(groups)})


def sides_of(splits):
    """The side of each image: -1 for the test part, else the fold."""
    return splits["fold"].astype("float").where(splits["part"] != "test", -1)


def hostile(seed):
    """A long tail from `top` to `low` images in groups of 1 to 8, part of which hold several classes."""
    generator = np.random.default_rng(seed)
    classes, top, low = int(generator.integers(2, 11)), int(generator.choice([100, 300, 1000])), 10
    labels = np.repeat(np.arange(classes), np.geomspace(top, low, classes).astype(int))
    order = np.arange(len(labels))
    mixed = np.flatnonzero(generator.random(len(labels)) < generator.choice([0, 0, 0.1, 0.5]))
    order[mixed] = generator.permutation(order[mixed])
    largest = int(generator.choice([1, 3, 8]))
    sizes = generator.integers(1, largest + 1, len(labels))
    groups = np.empty(len(labels), dtype=int)
    groups[order] = np.repeat(np.arange(len(sizes)), sizes)[: len(labels)]
    folds = int(generator.integers(2, 7))
    return [f"c{label:02}" for label in labels], [f"g{group:05}" for group in groups], folds


def is_feasible(counts, places):
    """Whether groups can be placed so that each class is everywhere: an exact search, by integer programming."""
    number, sides = len(counts), places
    holds = counts > 0
    whole = np.kron(np.eye(number), np.ones(sides))
    everywhere = np.vstack(
        [np.kron(holds[:, k], np.eye(sides)[s]) for k in range(counts.shape[1]) for s in range(sides)]
    )
    constraints = [LinearConstraint(whole, 1, 1), LinearConstraint(everywhere, 1, np.inf)]
    return milp(np.zeros(number * sides), constraints=constraints, integrality=1, bounds=Bounds(0, 1)).success


@pytest.mark.parametrize("seed", range(60))
def test_hostile_data_lose_no_feasible_class_and_part_no_relatives(seed):
    labels, groups, folds = hostile(seed)
    groups_of_class = pd.DataFrame({"label": labels, "group": groups}).groupby("label")["group"].nunique()
    rich = set(groups_of_class.index[groups_of_class > folds])
    kept = [index for index, label in enumerate(labels) if label in rich]
    labels, groups = [labels[index] for index in kept], [groups[index] for index in kept]
    splits = make_split(*tables(labels, groups), Split(folds=folds, seed=seed))
    SPLITS.check(splits)
    sides = sides_of(splits)
    assert (sides.groupby(splits["group"]).nunique() == 1).all()
    counts = pd.crosstab(splits["label"], sides)
    assert counts.shape == (len(rich), folds + 1)
    assert (counts > 0).all(axis=None)
    largest = splits["group"].value_counts().max()
    targets = np.array([0.2] + [0.8 / folds] * folds) * len(splits)
    assert (np.abs(counts.sum(axis=0) - targets) <= len(rich) * largest).all()


@pytest.mark.parametrize("seed", range(25))
def test_where_relatives_belong_to_several_classes_all_that_is_possible_is_found(seed):
    """Small classes in tight mixed groups, against an exact search."""
    generator = np.random.default_rng(seed)
    counts = (generator.random((12, 4)) < 0.45).astype(int)
    counts = counts[counts.sum(axis=1) > 0]
    places = find_places(pd.Series([None] * len(counts)), Split(folds=3))
    draws = np.arange(len(counts), dtype=np.uint64)
    if is_feasible(counts, 4):
        place = place_groups(counts, places, draws, list("abcd"))
        assert all((counts[place == side].sum(axis=0) > 0).all() for side in range(4))
    else:
        with pytest.raises(InputError):
            place_groups(counts, places, draws, list("abcd"))


def test_single_images_are_split_as_evenly_as_whole_numbers_allow():
    sizes = {"a": 1508, "b": 295, "c": 106, "d": 715}
    labels = [label for label, size in sizes.items() for _ in range(size)]
    splits = make_split(
        *tables(labels, [f"g{number}" for number in range(len(labels))]), Split(test_share=0.2, folds=5)
    )
    counts = pd.crosstab(splits["label"], sides_of(splits))
    for label, size in sizes.items():
        targets = np.array([0.2, *[0.16] * 5]) * size
        assert np.abs(counts.loc[label] - targets).max() < 1.01


def test_large_groups_are_spread_over_all_sides():
    groups = [f"large{number // 40}" for number in range(400)] + [f"small{number}" for number in range(400)]
    splits = make_split(*tables(["a", "b"] * 400, groups), Split(test_share=1 / 3, folds=2))
    large = splits[splits["group"].str.startswith("large")].drop_duplicates("group")
    assert sorted(sides_of(large).value_counts()) == [3, 3, 4]


def test_neither_the_order_of_rows_nor_a_new_run_changes_the_split_but_the_seed_does():
    labels, groups, _ = hostile(1)
    catalog, relatives = tables(labels, groups)
    first = make_split(catalog, relatives, Split(folds=2))
    shuffled = make_split(
        catalog.sample(frac=1, random_state=1), relatives.sample(frac=1, random_state=2), Split(folds=2)
    )
    pd.testing.assert_frame_equal(first, shuffled)
    assert not first["part"].equals(make_split(catalog, relatives, Split(folds=2, seed=1))["part"])


def test_a_class_with_too_few_groups_is_named_with_the_ways_out():
    labels = ["a"] * 30 + ["rare"] * 12
    groups = [f"g{number}" for number in range(30)] + [f"r{number // 3}" for number in range(12)]
    with pytest.raises(InputError) as caught:
        make_split(*tables(labels, groups), Split(folds=5))
    for words in ("at least 6 groups", "'rare' has 4", "split.folds", "ingest.rename", "ingest.drop"):
        assert words in str(caught.value)
    make_split(*tables(labels, groups), Split(folds=3))


def given(parts_of_class):
    """Single images of classes a and b, so many with each given part."""
    labels = [label for label in "ab" for number in parts_of_class.values() for _ in range(number)]
    parts = [part or None for _ in "ab" for part, number in parts_of_class.items() for _ in range(number)]
    return tables(labels, [f"g{number}" for number in range(len(labels))], parts), np.array(parts, dtype=object)


def test_a_given_test_part_is_the_test_part_and_no_more_is_drawn():
    (catalog, groups), parts = given({"test": 4, "train": 10, "": 10})
    splits = make_split(catalog, groups, Split(folds=4))
    assert ((splits["part"] == "test") == (parts == "test")).all()
    assert set(splits.loc[splits["part"] == "train", "fold"]) == {0, 1, 2, 3}


def test_a_given_test_part_that_lacks_classes_is_refused_with_their_names():
    labels = ["a", "b", "c", "d"] * 10
    parts = ["test" if label in "ac" and number < 12 else None for number, label in enumerate(labels)]
    with pytest.raises(InputError, match=r"test part that you gave has no image of 'b', 'd': give .*ingest\.drop"):
        make_split(*tables(labels, [f"g{number}" for number in range(40)], parts), Split(folds=3))


def test_a_given_validation_part_is_fold_0_and_the_others_fill_the_rest():
    (catalog, groups), parts = given({"val": 5, "train": 20, "": 10})
    splits = make_split(catalog, groups, Split(folds=4))
    assert (splits["fold"].eq(0).fillna(False) == (parts == "val")).all()
    assert set(splits.loc[splits["part"] == "train", "fold"]) == {0, 1, 2, 3}
    assert (splits["part"] == "test").any()


def test_images_given_for_training_are_never_in_the_test_part():
    (catalog, groups), parts = given({"train": 30, "": 3})
    splits = make_split(catalog, groups, Split(test_share=0.5, folds=3))
    assert set(parts[splits["part"] == "test"]) == {None}
    assert set(splits.loc[splits["part"] == "test", "label"]) == {"a", "b"}


def test_relatives_of_an_image_with_a_given_part_go_with_it():
    labels = ["a", "b"] * 20
    parts = ["test" if number < 4 else None for number in range(40)]
    groups = ["same" if number in (0, 39) else f"g{number}" for number in range(40)]
    splits = make_split(*tables(labels, groups, parts), Split(folds=3))
    assert splits["part"].iloc[39] == "test"


def test_relatives_with_different_given_parts_are_named():
    labels = ["a", "b"] * 20
    parts = ["train", "test"] + [None] * 38
    groups = ["same", "same", *(f"g{number}" for number in range(38))]
    with pytest.raises(InputError, match=r"000001.png \(test\) and 000000.png \(train\)"):
        make_split(*tables(labels, groups, parts), Split(folds=3))


def test_if_all_images_are_given_for_training_that_is_said():
    (catalog, groups), _ = given({"train": 30})
    with pytest.raises(InputError, match="part train"):
        make_split(catalog, groups, Split(folds=3))


def test_a_class_that_only_the_given_validation_part_has_is_refused():
    labels = ["a", "b"] * 20 + ["c"] * 10
    parts = [None] * 40 + ["val"] * 10
    with pytest.raises(InputError, match="'c' has 0"):
        make_split(*tables(labels, [f"g{number}" for number in range(50)], parts), Split(folds=3))


def test_with_two_folds_a_given_validation_part_must_hold_all_classes():
    labels = ["a", "b"] * 20
    parts = ["val" if number in (0, 2, 4) else None for number in range(40)]
    with pytest.raises(InputError, match="two folds"):
        make_split(*tables(labels, [f"g{number}" for number in range(40)], parts), Split(folds=2))


def test_unlabelled_images_are_excluded():
    labels = ["a", "b"] * 20 + [None] * 3
    splits = make_split(*tables(labels, [f"g{number // 2}" for number in range(43)]), Split(folds=2))
    assert splits["part"].eq("excluded").tolist() == [False] * 40 + [True] * 3
    assert splits.loc[splits["part"] == "excluded", "fold"].isna().all()
    assert summarise(splits, Split(folds=2))["excluded"] == 3


def test_the_check_finds_relatives_on_two_sides():
    good = make_split(*tables(["a", "b"] * 20, [f"g{number // 4}" for number in range(40)]), Split(folds=2))
    check_split(good)
    other_fold = good.copy()
    row = other_fold.index[other_fold["part"] == "train"][0]
    other_fold.loc[row, "fold"] = 1 - other_fold.loc[row, "fold"]
    with pytest.raises(ValueError, match="two sides"):
        check_split(other_fold)
    other_part = good.copy()
    other_part.loc[row, ["part", "fold"]] = ["test", None]
    with pytest.raises(ValueError, match="two sides"):
        check_split(other_part)


def test_the_summary_counts_classes_and_the_rate_of_the_most_frequent_one():
    splits = make_split(*tables(["a"] * 60 + ["b"] * 20, [f"g{number}" for number in range(80)]), Split(folds=2))
    summary = summarise(splits, Split(folds=2))
    assert summary["counts"]["test"] == {"a": 12, "b": 4}
    assert summary["majority_rate"] == {side: pytest.approx(0.75) for side in ("train", "test", "fold 0", "fold 1")}
    assert summary["images"]["train"] == summary["images"]["fold 0"] + summary["images"]["fold 1"] == 64


def test_the_stage_writes_the_same_bytes_again(tmp_path, monkeypatch):
    import tasks.split as stage

    catalog, groups = tables(["a", "b"] * 20, [f"g{number}" for number in range(40)])
    monkeypatch.setattr(stage, "CATALOG", SimpleNamespace(read=lambda path: catalog))
    monkeypatch.setattr(stage, "GROUPS", SimpleNamespace(read=lambda path: groups))
    written = []
    for _ in range(2):
        workspace = stage.Workspace(tmp_path)
        workspace.__dict__["params"] = SimpleNamespace(split=Split(folds=3))
        stage.run(workspace, "")
        written.append({path.name: path.read_bytes() for path in (tmp_path / "data" / "splits").iterdir()})
    assert written[0] == written[1]
    assert set(written[0]) == {"splits.parquet", "summary.json"}
