"""The part `audit`: whole groups of the largest class, kept out of training at a bounded cost, and kept there."""

import numpy as np
import pandas as pd
import pytest
from split_tables import components, freeze, pair_table, sides_of, tables

from tasks.lineage import TrainingSet
from tasks.params.models import Split
from tasks.split.assignment import make_split
from tasks.split.console import summary_lines
from tasks.split.frozen import frozen_text, read_frozen
from tasks.split.leak_check import find_leaks
from tasks.split.summary import summarise
from tasks.split.units import AUDITED

COUNTS = {"common": 1500, "middling": 300, "rare": 60}


def labels_of(counts=COUNTS):
    return [label for label, number in counts.items() for _ in range(number)]


def grouped(labels, size, mixed=0.0, seed=0):
    """Groups of up to `size` images of one class; a share of them swaps an image with another group."""
    stream = np.random.default_rng(seed)
    order = np.arange(len(labels))
    chosen = np.flatnonzero(stream.random(len(labels)) < mixed)
    order[chosen] = stream.permutation(order[chosen])
    groups = np.empty(len(labels), dtype=int)
    groups[order] = np.arange(len(labels)) // size
    return [f"g{group:05}" for group in groups]


def check_bounds(splits, largest="common"):
    """What an audit part may cost, counted from the table alone."""
    first = splits[(splits["repeat"] == 0) & splits["part"].isin(["train", "audit"])]
    given_up = first[first["part"] == "audit"]["label"].value_counts()
    for label, number in first["label"].value_counts().items():
        assert given_up.get(label, 0) <= (0.1 if label == largest else 0.05) * number
    used = splits[splits["part"] != "excluded"]
    assert (used.groupby(["repeat", "group"])["part"].nunique() == 1).all(), "no relatives in two parts"
    assert splits.loc[splits["part"] == "audit", "fold"].isna().all()


@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("repeats", [1, 2])
def test_so_many_images_of_the_largest_class_are_kept_out_and_the_test_part_stays(size, repeats):
    labels = labels_of()
    given = tables(labels, grouped(labels, size))
    without = make_split(*given, Split(repeats=repeats, audit_images=0)).splits
    assignment = make_split(*given, Split(repeats=repeats))
    splits = assignment.splits
    check_bounds(splits)
    audit = splits[(splits["part"] == "audit") & (splits["repeat"] == 0)]
    assert set(audit["label"]) == {"common"}, "groups of one class alone are taken where there are any"
    assert 100 <= len(audit) < 100 + size
    assert (assignment.audit.label, assignment.audit.images) == ("common", len(audit))
    assert (assignment.audit.groups, assignment.audit.why) == (audit["group"].nunique(), "")
    pd.testing.assert_series_equal(without["part"] == "test", splits["part"] == "test")
    for _, own in splits[splits["part"] == "train"].groupby("repeat"):
        counts = pd.crosstab(own["label"], own["fold"])
        assert (counts > 0).all(axis=None)
        assert (counts.max(axis=1) - counts.min(axis=1) <= 2 * size + 0.05 * counts.sum(axis=1)).all()


@pytest.mark.parametrize("seed", range(8))
def test_mixed_groups_cost_the_other_classes_no_more_than_a_twentieth(seed):
    labels = labels_of({"common": 2000, "middling": 400, "rare": 100})
    given = tables(labels, grouped(labels, 4, mixed=0.8, seed=seed))
    splits = make_split(*given, Split(folds=3, seed=seed, audit_images=150)).splits
    check_bounds(splits)
    assert ((splits["part"] == "audit") & (splits["label"] == "common")).sum() >= 100


def test_the_choice_follows_the_content_and_the_seed_not_the_order_of_rows():
    labels = labels_of()
    catalog, groups = tables(labels, grouped(labels, 2))
    first = make_split(catalog, groups, Split()).splits
    shuffled = make_split(catalog.sample(frac=1, random_state=1), groups.sample(frac=1, random_state=2), Split()).splits
    pd.testing.assert_frame_equal(first, shuffled)
    other = make_split(catalog, groups, Split(seed=1)).splits
    assert not (first["part"] == "audit").equals(other["part"] == "audit")


def test_where_fewer_than_ten_groups_can_be_had_none_is_taken_and_the_reason_is_told():
    """Like cells of solar modules: each group holds 60 images of all classes."""
    stream = np.random.default_rng(0)
    labels = list(stream.permutation(labels_of({"common": 1200, "middling": 240, "rare": 60})))
    assignment = make_split(*tables(labels, [f"g{number // 60:03}" for number in range(1500)]), Split(folds=3))
    assert not (assignment.splits["part"] == "audit").any()
    summary = summarise(assignment)
    assert summary["audit"]["images"] == 0
    assert "5% of any other class's" in summary["audit"]["why"]
    assert "groups of relatives, and fewer than 10 tell nothing" in summary["audit"]["why"]
    assert "audit" not in summary["counts"]


def test_the_summary_counts_the_part_and_the_terminal_tells_it():
    labels = labels_of()
    catalog, groups = tables(labels, grouped(labels, 1))
    assignment = make_split(catalog, groups, Split())
    summary = summarise(assignment)
    assert summary["counts"]["audit"] == {"common": 100, "middling": 0, "rare": 0}
    assert sum(summary["shares"][side]["common"] for side in ("train", "test", "audit")) == pytest.approx(1)
    assert summary["audit"] == {"label": "common", "wanted": 100, "images": 100, "groups": 100, "why": ""}
    leaks = find_leaks(assignment.splits, catalog, groups, pair_table([]))
    lines = list(summary_lines(summary | {"moved": {}}, leaks, catalog, freeze(assignment.splits.iloc[:0]), Split()))
    assert "audit: 100 images of common in 100 groups are kept out of training" in lines
    assert not [line for line in lines if "audit has no image" in line]
    none = summarise(make_split(catalog, groups, Split(audit_images=0)))
    assert none["audit"]["why"] == "split.audit_images is 0"


def test_a_smaller_part_says_how_many_were_wanted():
    labels = labels_of({"common": 800, "rare": 100})
    audit = make_split(*tables(labels, grouped(labels, 1)), Split()).audit
    assert audit.images == 64, "a tenth of 640 training images"
    assert audit.why.startswith("64 of 100 images: the bounds")


def test_audit_images_can_never_train():
    labels = labels_of()
    catalog, groups = tables(labels, grouped(labels, 1))
    splits = make_split(catalog, groups, Split()).splits
    catalog = catalog.assign(sha256="", width=1, height=1)
    training = TrainingSet.of(catalog, splits)
    audit = set(splits.loc[splits["part"] == "audit", "image_id"])
    assert len(audit) == 100
    assert not audit & set(training.rows["image_id"])


def test_a_relative_in_the_audit_part_is_a_leak_like_any_other():
    labels = labels_of()
    pairs = [("000000", "000001", "near")]
    catalog, groups = tables(labels, components([f"{n:06}" for n in range(len(labels))], pairs)["group"])
    splits = make_split(catalog, groups, Split()).splits
    assert not find_leaks(splits, catalog, groups, pair_table(pairs)).kinds
    splits.loc[splits["image_id"].isin(["000000", "000001"]), "fold"] = pd.NA
    splits.loc[splits["image_id"] == "000000", "part"] = "audit"
    splits.loc[splits["image_id"] == "000001", "part"] = "test"
    leaks = find_leaks(splits, catalog, groups, pair_table(pairs))
    assert leaks.counts() == {"parts": {"near": {"common": 2}}, "folds": {}}
    assert leaks.pairs == [{"kind": "near", "first": "000000.png (audit)", "second": "000001.png (test)"}]


# --- frozen ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def settled():
    """Labels, groups of two, and a split of them."""
    labels = labels_of()
    groups = grouped(labels, 2)
    return labels, groups, make_split(*tables(labels, groups), Split())


@pytest.mark.parametrize("repeats", [1, 2])
def test_freezing_changes_nothing_and_the_file_keeps_audit_places(repeats, tmp_path):
    labels = labels_of()
    given = tables(labels, grouped(labels, 2))
    before = make_split(*given, Split(repeats=repeats))
    (tmp_path / "frozen.csv").write_text(frozen_text(before.splits))
    frozen = read_frozen(tmp_path / "frozen.csv")
    assert (frozen["part"] == "audit").sum() == 100 * repeats
    after = make_split(*given, Split(repeats=repeats), frozen)
    pd.testing.assert_frame_equal(after.splits, before.splits)
    assert summarise(after) == summarise(before)
    more = make_split(*given, Split(repeats=repeats + 1), frozen).splits
    pd.testing.assert_frame_equal(more[more["repeat"] < repeats], before.splits)
    assert (more.groupby("image_id")["part"].nunique() == 1).all()


def test_frozen_audit_images_stay_though_no_more_are_asked_for(settled):
    labels, groups, before = settled
    after = make_split(*tables(labels, groups), Split(audit_images=0), freeze(before.splits))
    pd.testing.assert_frame_equal(after.splits, before.splits)


def test_new_images_fill_up_the_part_and_old_ones_stay(settled):
    labels, groups, before = settled
    new_labels = [*labels, *["common"] * 200]
    new_groups = [*groups, *(f"new{n}" for n in range(200))]
    after = make_split(*tables(new_labels, new_groups), Split(audit_images=110), freeze(before.splits)).splits
    pd.testing.assert_frame_equal(after.iloc[: len(labels)], before.splits)
    assert (after["part"] == "audit").sum() == 110
    check_bounds(after)


def test_a_split_that_was_frozen_without_the_part_says_why_it_has_none(settled):
    labels, groups, _ = settled
    given = tables(labels, groups)
    old = make_split(*given, Split(audit_images=0)).splits
    after = make_split(*given, Split(), freeze(old))
    pd.testing.assert_frame_equal(after.splits, old)
    assert after.audit.why.startswith("data/frozen.csv holds the training images in their folds")


def test_new_relatives_go_along_or_are_left_out_where_they_tie_two_sides(settled):
    labels, groups, before = settled
    splits = before.splits.set_index("image_id")
    kept = splits.index[splits["part"] == "audit"][0]
    train = splits.index[(splits["part"] == "train") & (splits["label"] == "common")][0]
    number = len(labels)
    together = [*groups, groups[int(kept)]]
    after = make_split(*tables([*labels, "common"], together), Split(), freeze(before.splits)).splits
    assert after.loc[after["image_id"] == f"{number:06}", "part"].tolist() == ["audit"]
    tied = [groups[int(kept)] if group == groups[int(train)] else group for group in groups]
    assignment = make_split(*tables([*labels, "common"], [*tied, groups[int(kept)]]), Split(), freeze(before.splits))
    assert assignment.excluded["reason"].tolist() == [AUDITED]


# --- the other rules, and given parts --------------------------------------------------------------------------------


def test_by_time_the_blocks_and_the_test_part_stay_where_they_are():
    labels = labels_of({"common": 900, "rare": 100})
    order = np.random.default_rng(0).permutation(len(labels))
    taken = [f"2020-01-{1 + at * 28 // len(labels):02}T00:00:{at % 60:02}" for at in order]
    given = tables(labels, grouped(labels, 1), taken=taken)
    without = make_split(*given, Split(by="time", audit_images=0)).splits
    splits = make_split(*given, Split(by="time", audit_images=50)).splits
    check_bounds(splits)
    audit = splits["part"] == "audit"
    assert audit.sum() == 50
    pd.testing.assert_frame_equal(splits[~audit], without[~audit])
    frozen = make_split(*given, Split(by="time", audit_images=50), freeze(splits)).splits
    pd.testing.assert_frame_equal(frozen, splits)


def test_by_group_whole_given_groups_are_kept_out_and_folds_are_numbered_without_them():
    labels = (["common"] * 9 + ["rare"]) * 300
    given = [f"p{number // 10:03}" for number in range(len(labels))]
    only = [f"q{number // 5:03}" for number in range(100)]
    labels, patients = [*labels, *["common"] * 100], [*given, *only]
    data = tables(labels, patients, given=patients)
    splits = make_split(*data, Split(by="group", audit_images=60)).splits
    check_bounds(splits)
    audit = splits[splits["part"] == "audit"]
    assert len(audit) >= 60
    assert audit["group"].nunique() >= 10
    assert set(audit["group"]).isdisjoint(splits.loc[splits["part"] != "audit", "group"])
    folds = splits.loc[splits["part"] == "train"].groupby("group")["fold"].first().astype(int)
    assert sorted(folds) == list(range(len(folds)))
    frozen = make_split(*data, Split(by="group", audit_images=60), freeze(splits)).splits
    pd.testing.assert_frame_equal(frozen, splits)


def test_given_training_images_may_be_kept_out_but_not_those_given_for_validation_or_testing():
    labels = labels_of({"common": 1400, "rare": 200})
    parts = [("train", "train", "val", "test")[number % 4] for number in range(len(labels))]
    splits = make_split(*tables(labels, grouped(labels, 1), parts), Split(folds=3, audit_images=60)).splits
    given = pd.Series(parts)
    assert set(given[splits["part"] == "audit"]) == {"train"}
    assert (splits["part"] == "audit").sum() == 60
    assert (sides_of(splits)[given == "val"] == 0).all()
    assert (splits.loc[given == "test", "part"] == "test").all()
