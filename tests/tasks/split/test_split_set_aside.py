"""Relatives that given or frozen places tear apart: with `relatives: exclude` one side stays and nothing leaks."""

import itertools

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageEnhance
from split_tables import components, freeze, pair_table, sides_of, tables

from tasks.embed import stage as embed
from tasks.errors import InputError
from tasks.group import stage as group
from tasks.ingest import stage as ingest
from tasks.params.models import Split
from tasks.split.assignment import make_split
from tasks.split.leak_check import find_leaks
from tasks.tables import CATALOG, GROUPS, PAIRS
from tasks.workspace import Workspace

KINDS = ("given", "content", "name", "near")
LAST = 99  # a training image that waits for a fold


def name(number):
    return f"{number:06}"


def given_set(pairs, parts_of_some, parts="", number=90):
    """Labels a, b, c in turn and given parts in turn of eight; some images have others. `pairs` are by number."""
    pairs = sorted({(name(min(a, b)), name(max(a, b)), kind) for a, b, kind in pairs})
    relatives = components([name(n) for n in range(number)], pairs)
    own = [parts_of_some.get(n, (parts or ["test", "val", *["train"] * 6])[n // 3 % 8]) for n in range(number)]
    catalog, groups = tables(["a", "b", "c"] * (number // 3), relatives["group"], own)
    return catalog, groups, pair_table(pairs)


def excluding(catalog, groups, pairs, frozen=None, **params):
    assignment = make_split(catalog, groups, Split(relatives="exclude", **params), frozen, pairs)
    assert find_leaks(assignment.splits, catalog, groups, pairs).counts() == {"parts": {}, "folds": {}}
    return assignment


def to_leave(order, pairs, ids):
    """Image -> kinds, by looking at every pair of images, those of the side that is kept first coming first.

    `order` gives the side of each image that has one.
    """
    root = {kind: components(ids, [p for p in pairs if p[2] == kind]).set_index("image_id")["group"] for kind in KINDS}
    near = {frozenset(p[:2]) for p in pairs if p[2] == "near"}
    kept, leave = [], {}
    for side in sorted(set(order.values())):
        own = [image for image in ids if order.get(image) == side]
        for image in own:
            for other in kept:
                for kind in KINDS:
                    related = (
                        frozenset((image, other)) in near if kind == "near" else root[kind][image] == root[kind][other]
                    )
                    if related:
                        leave.setdefault(image, set()).add(kind)
        kept += [image for image in own if image not in leave]
    return leave


def random_pairs(generator, number, count):
    first, second = generator.integers(0, number, (2, count))
    kinds = generator.choice(KINDS, count, p=[0.2, 0.2, 0.1, 0.5])
    return [(int(a), int(b), str(kind)) for a, b, kind in zip(first, second, kinds, strict=True) if a != b]


@pytest.mark.parametrize("seed", range(12))
def test_those_leave_whose_relatives_are_kept_on_a_side_before_theirs_and_nothing_leaks(seed):
    generator = np.random.default_rng([seed, 21])
    pairs = random_pairs(generator, 150, 25)
    catalog, groups, table = given_set(pairs, {}, number=150)
    order = {"test": 0, "val": 1, "train": LAST}
    expected = to_leave(
        dict(zip(catalog["image_id"], catalog["part"].map(order), strict=True)),
        list(table[["first", "second", "kind"]].itertuples(index=False, name=None)),
        list(catalog["image_id"]),
    )
    assignment = excluding(catalog, groups, table, folds=3)
    aside = assignment.aside.set_index("image_id")
    assert {image: set(kinds) for image, kinds in aside["kinds"].items()} == expected
    assert len(expected) > 2
    splits = assignment.splits.set_index("image_id")
    assert set(splits.index[splits["part"] == "excluded"]) == set(expected)
    tests = catalog.loc[catalog["part"] == "test", "image_id"]
    assert set(splits.index[splits["part"] == "test"]) == set(tests)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("repeats", [1, 2])
def test_of_images_frozen_on_two_sides_those_in_test_stay_then_those_of_the_first_folds(seed, repeats):
    generator = np.random.default_rng([seed, 22])
    labels = ["a", "b", "c"] * 50
    params = {"folds": 3, "repeats": repeats}
    ids = [name(n) for n in range(150)]
    frozen = freeze(make_split(*tables(labels, ids), Split(**params)).splits)
    pairs = sorted({(name(min(a, b)), name(max(a, b)), kind) for a, b, kind in random_pairs(generator, 150, 30)})
    catalog, groups = tables(labels, components(ids, pairs)["group"])
    side = sides_of(frozen).groupby(frozen["image_id"]).agg(tuple)
    expected = to_leave(side.to_dict(), pairs, ids)
    assignment = excluding(catalog, groups, pair_table(pairs), frozen, **params)
    aside = assignment.aside
    assert {image: set(kinds) for image, kinds in zip(aside["image_id"], aside["kinds"], strict=True)} == expected
    stay = assignment.splits[~assignment.splits["image_id"].isin(expected)].reset_index(drop=True)
    before = frozen[~frozen["image_id"].isin(expected)].reset_index(drop=True)
    pd.testing.assert_frame_equal(stay[before.columns], before)


def test_all_others_are_where_they_would_be_if_the_leaking_images_had_never_been_there():
    pairs = [(0, 9, "near"), (0, 12, "given"), (27, 33, "content"), (3, 36, "near")]  # test with train; val with train
    catalog, groups, table = given_set(pairs, {27: "test"})
    assignment = excluding(catalog, groups, table, folds=4, repeats=2)
    left = [name(n) for n in (9, 12, 33, 36)]
    assert assignment.aside["image_id"].tolist() == left
    absent = make_split(
        catalog[~catalog["image_id"].isin(left)], groups[~groups["image_id"].isin(left)], Split(folds=4, repeats=2)
    ).splits
    stay = assignment.splits[assignment.splits["part"] != "excluded"].reset_index(drop=True)
    pd.testing.assert_frame_equal(stay, absent)


def test_a_given_test_part_has_the_same_rows_as_where_the_leak_is_accepted():
    catalog, groups, table = given_set([(0, 9, "near"), (1, 10, "given"), (2, 4, "near")], {})
    accepted = make_split(catalog, groups, Split(folds=3, accept=["near", "given"])).splits
    splits = excluding(catalog, groups, table, folds=3).splits
    columns = ["image_id", "label", "part", "repeat", "fold"]
    tests = [rows.loc[rows["part"] == "test", columns] for rows in (accepted, splits)]
    pd.testing.assert_frame_equal(*tests)


def test_a_validation_image_gives_way_to_test_and_its_near_relative_in_training_may_stay_then():
    for kind, stays in (("near", True), ("given", False)):
        catalog, groups, table = given_set([(0, 3, kind), (3, 9, kind)], {})  # test - val - train
        assignment = excluding(catalog, groups, table, folds=3)
        assert assignment.aside["image_id"].tolist() == [name(3)] + ([] if stays else [name(9)])
        assert set(assignment.aside["side"]) == {"test"}
        assert set(assignment.aside["relative"]) == {f"{name(0)}.png"}


def test_given_groups_pass_through_images_that_are_on_no_side():
    for kind, leaves in (("given", True), ("near", False)):
        chain = [(0, 1, kind), (1, 9, kind)]
        for between in ("a new image", "an unlabelled image"):
            catalog, groups, table = given_set(chain, {1: None})
            if between == "an unlabelled image":
                catalog.loc[1, "label"] = None
            assignment = excluding(catalog, groups, table, folds=3)
            assert assignment.aside["image_id"].tolist() == ([name(9)] if leaves else [])
            assert assignment.splits.set_index("image_id").loc[name(1), "part"] == "excluded"


def test_the_relative_that_is_named_is_on_the_side_that_is_kept_first():
    pairs = [(27, 33, "near"), (0, 33, "near"), (33, 50, "near"), (3, 33, "given")]
    catalog, groups, table = given_set(pairs, {0: "val", 3: "val", 27: "val", 50: "test"})
    aside = excluding(catalog, groups, table.iloc[::-1], folds=3).aside.set_index("image_id")
    assert aside.loc[name(33), ["kinds", "relative", "side"]].tolist() == [["given", "near"], f"{name(50)}.png", "test"]


def test_a_kind_that_is_accepted_is_not_set_aside():
    catalog, groups, table = given_set([(0, 9, "near"), (1, 10, "given")], {})
    assignment = make_split(catalog, groups, Split(folds=3, relatives="exclude", accept=["given"]), None, table)
    assert assignment.aside["image_id"].tolist() == [name(9)]
    assert find_leaks(assignment.splits, catalog, groups, table).kinds == ["given"]


def test_a_class_that_loses_too_much_is_refused_as_usual_with_what_was_set_aside():
    trains = [n for n in range(2, 90, 3) if n // 3 % 8 > 1]  # class c
    catalog, groups, table = given_set([(2, n, "given") for n in trains[3:]], {})
    told = (
        rf"(?s)'c' has [0-3]; .*set training images aside: c {len(trains) - 3} of \d+ \(\d+%; given {len(trains) - 3}\)"
    )
    with pytest.raises(InputError, match=told):
        excluding(catalog, groups, table, folds=5)


def test_a_class_of_which_nothing_stays_is_named():
    catalog, groups, table = given_set([(0, 9, "given"), (0, 10, "given")], {})
    catalog["label"] = catalog["label"].where(~catalog["image_id"].isin([name(9), name(10)]), "rare")
    with pytest.raises(
        InputError, match=r"(?s)every image of 'rare' is excluded.*ingest\.drop.*rare 2 of 2 \(100%; given 2\)"
    ):
        excluding(catalog, groups, table, folds=3)


def test_by_group_a_torn_given_group_keeps_its_test_images_only():
    given = [letter for letter in "ABCDE" for _ in range(9)]
    pairs = [(name(9 * at), name(9 * at + n), "given") for at in range(5) for n in range(1, 9)]
    parts = ["test", "train", *["test"] * 7, *["train"] * 36]
    catalog, groups = tables(
        ["a", "b", "c"] * 15, components([name(n) for n in range(45)], pairs)["group"], parts, given=given
    )
    with pytest.raises(InputError, match=r"first is 'A': .*equipoise run --set split\.relatives=exclude"):
        make_split(catalog, groups, Split(by="group"))
    assignment = excluding(catalog, groups, pair_table(pairs), by="group")
    assert assignment.aside["image_id"].tolist() == [name(1)]
    assert assignment.splits["fold"].nunique() == 4


def test_by_time_frozen_images_in_training_give_way_to_those_in_test():
    days = [(pd.Timestamp("2021-01-01") + pd.Timedelta(days=n)).isoformat() for n in range(60)]
    params = {"by": "time", "folds": 3}
    before = make_split(*tables(["a", "b", "c"] * 20, range(60), taken=days), Split(**params)).splits
    pairs = [(name(5), name(58), "near"), (name(8), name(30), "near")]  # training with test; two folds
    catalog, groups = tables(["a", "b", "c"] * 20, components([name(n) for n in range(60)], pairs)["group"], taken=days)
    assignment = excluding(catalog, groups, pair_table(pairs), freeze(before), **params)
    assert assignment.aside["image_id"].tolist() == [name(5), name(30)]
    assert assignment.aside["side"].tolist() == ["test", "fold 0"]
    stay = assignment.splits["part"] != "excluded"
    pd.testing.assert_series_equal(assignment.splits.loc[stay, "fold"], before.loc[stay, "fold"])


def test_the_order_of_rows_changes_nothing():
    catalog, groups, table = given_set([(0, 9, "near"), (0, 12, "near"), (1, 10, "given"), (2, 4, "near")], {})
    one = excluding(catalog, groups, table, folds=3)
    mixed = (frame.sample(frac=1, random_state=7) for frame in (catalog, groups, table))
    other = excluding(*mixed, folds=3)
    pd.testing.assert_frame_equal(one.splits, other.splits)
    pd.testing.assert_frame_equal(one.aside, other.aside)


def texture(seed):
    """A picture with detail of its own, 96 pixels a side."""
    generator = np.random.default_rng([seed, 5])
    coarse = Image.fromarray(generator.integers(40, 200, (12, 12, 3)).astype(np.uint8))
    fine = generator.integers(-25, 25, (96, 96, 1))
    return Image.fromarray((np.asarray(coarse.resize((96, 96)), dtype=int) + fine).clip(0, 255).astype(np.uint8))


@pytest.mark.slow
def test_brightened_copies_of_given_test_images_are_left_out_of_training(tmp_path, repository):
    (tmp_path / "params.yaml").write_bytes((repository / "params.yaml").read_bytes())
    raw = tmp_path / "data/raw"
    rows = ["path,label,part"]
    for number, (label, part) in enumerate(itertools.product("ab", ["test"] * 6 + ["train"] * 18)):
        rows.append(f"{part}{number}.png,{label},{part}")
        raw.mkdir(parents=True, exist_ok=True)
        texture(number).save(raw / f"{part}{number}.png")
    for number in (0, 3):
        ImageEnhance.Brightness(texture(number)).enhance(1.2).save(raw / f"copy{number}.png")
        rows.append(f"copy{number}.png,a,train")
    (raw / "table.csv").write_text("\n".join(rows) + "\n")
    workspace = Workspace(tmp_path)
    ingest.run(workspace, "")
    embed.run(workspace, "efficientnet_lite0")
    group.run(workspace, "")
    catalog, groups, pairs = (workspace.read(table) for table in (CATALOG, GROUPS, PAIRS))
    assert find_leaks(make_split(catalog, groups, Split()).splits, catalog, groups, pairs).kinds == ["near"]
    aside = excluding(catalog, groups, pairs).aside
    assert sorted(zip(aside["path"], aside["relative"], strict=True)) == [
        ("copy0.png", "test0.png"),
        ("copy3.png", "test3.png"),
    ]
