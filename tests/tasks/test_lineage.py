"""Lineage: evaluation images and their relatives stay out of reach, and the proof on the data says so."""

from typing import Any

import pandas as pd
import pytest

from tasks.errors import InputError
from tasks.lineage import TrainingSet, prove_no_leak


@pytest.fixture
def splits() -> pd.DataFrame:
    """Two training images in each of two folds (b0 and b1 related), two test images, and an excluded one."""
    rows = [
        ("a0", "g0", "x", "train", 0),
        ("a1", "g1", "y", "train", 1),
        ("b0", "g2", "x", "train", 0),
        ("b1", "g2", "x", "train", 0),
        ("t0", "g3", "x", "test", None),
        ("t1", "g4", "y", "test", None),
        ("e0", "g0", "x", "excluded", None),
    ]
    frame = pd.DataFrame(rows, columns=["image_id", "group", "label", "part", "fold"])
    return frame.assign(repeat=0, fold=frame["fold"].astype("Int16"))


@pytest.fixture
def catalog(splits: pd.DataFrame) -> pd.DataFrame:
    ids = splits["image_id"]
    return pd.DataFrame({"image_id": ids, "path": ids + ".png", "sha256": ids * 8, "depth": 8, "width": 1, "height": 1})


def row(row_id: str, parents: list[str], fold: int, **more: Any) -> dict[str, Any]:
    label = "y" if "a1" in parents else "x"
    return {
        "row_id": row_id,
        "label": label,
        "parents": parents,
        "fold": fold,
        "fitted_on": None,
        "second_label": None,
    } | more


def test_a_training_set_holds_training_rows_only(catalog: pd.DataFrame, splits: pd.DataFrame) -> None:
    training = TrainingSet.of(catalog, splits)
    assert training.rows["image_id"].tolist() == ["a0", "a1", "b0", "b1"]
    assert training.classes == ["x", "y"]
    assert training.counts == {"x": 3, "y": 1}


@pytest.mark.parametrize("part", ["test", "audit", "excluded"])
def test_a_training_set_refuses_other_rows(catalog: pd.DataFrame, splits: pd.DataFrame, part: str) -> None:
    rows = TrainingSet.of(catalog, splits).rows
    with pytest.raises(ValueError, match="part 'train'"):
        TrainingSet(rows.assign(part=[part, *rows["part"][1:]]))


def test_a_training_set_refuses_rows_without_a_fold(catalog: pd.DataFrame, splits: pd.DataFrame) -> None:
    rows = TrainingSet.of(catalog, splits).rows
    with pytest.raises(ValueError, match="fold"):
        TrainingSet(rows.assign(fold=[None, *rows["fold"][1:]]))


def test_a_training_image_that_the_catalog_lacks_is_told(catalog: pd.DataFrame, splits: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="b1"):
        TrainingSet.of(catalog[catalog["image_id"] != "b1"], splits)


def test_a_repeat_has_its_own_training_rows(catalog: pd.DataFrame, splits: pd.DataFrame) -> None:
    other = splits.assign(repeat=1)
    other.loc[other["image_id"] == "a1", ["part", "fold"]] = ["test", pd.NA]
    both = pd.concat([splits, other], ignore_index=True)
    assert TrainingSet.of(catalog, both, repeat=1).rows["image_id"].tolist() == ["a0", "b0", "b1"]


def test_a_clean_set_passes(splits: pd.DataFrame) -> None:
    rows = [row("a0", ["a0"], 0), row("mix", ["b0", "b1"], 0), row("a1-c1", ["a1"], 1, fitted_on=["a1"])]
    prove_no_leak(pd.DataFrame(rows), splits)


@pytest.mark.parametrize(
    ("leak", "told"),
    [
        (row("r", [], 0), "r names no parents"),
        (row("r", ["t0"], 0), "t0, which is not a training image"),
        (row("r", ["a0", "t0"], 0), "t0, which is not a training image"),
        (row("r", ["e0"], 0), "e0, which is not a training image"),
        (row("r", ["nobody"], 0), "nobody, which is not a training image"),
        (row("r", ["a0"], 1), "says fold 1, but a0 lies in fold 0"),
        (row("r", ["a0", "a1"], 0), "says fold 0, but a1 lies in fold 1"),
        (row("r", ["a0"], 0, fitted_on=["a0", "t1"]), "saw t1, not a training image"),
        (row("r", ["a0"], 0, fitted_on=["a0", "a1"]), "saw a1 of fold 1"),
    ],
)
def test_every_kind_of_leak_is_found_and_named(splits: pd.DataFrame, leak: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        prove_no_leak(pd.DataFrame([row("a0", ["a0"], 0), leak]), splits)


def test_a_row_of_another_class_than_its_parent_is_found(splits: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="r says class 'y', but b0 is 'x'"):
        prove_no_leak(pd.DataFrame([row("a0", ["a0"], 0), row("r", ["b0"], 0, label="y")]), splits)


def test_a_mixed_row_may_have_parents_of_two_classes(splits: pd.DataFrame) -> None:
    splits.loc[splits["image_id"] == "a1", "fold"] = 0
    mixed = row("r", ["a0", "a1"], 0, label="x", second_label="y")
    prove_no_leak(pd.DataFrame([mixed]), splits)
    with pytest.raises(InputError, match="r says class 'x', but a1 is 'y'"):
        prove_no_leak(pd.DataFrame([mixed | {"second_label": None}]), splits)


def test_a_relative_in_the_test_part_is_a_leak(splits: pd.DataFrame) -> None:
    splits.loc[splits["image_id"] == "t0", "group"] = "g2"
    with pytest.raises(InputError, match="b0, which has a relative outside training"):
        prove_no_leak(pd.DataFrame([row("b0", ["b0"], 0)]), splits)


def test_a_generator_that_saw_a_relative_of_a_test_image_is_a_leak(splits: pd.DataFrame) -> None:
    splits.loc[splits["image_id"] == "t0", "group"] = "g2"
    with pytest.raises(InputError, match="r comes from a generator that saw b0, which has a relative outside training"):
        prove_no_leak(pd.DataFrame([row("r", ["a0"], 0, fitted_on=["a0", "b0"])]), splits)


def test_relatives_in_two_folds_are_a_leak(splits: pd.DataFrame) -> None:
    splits.loc[splits["image_id"] == "b1", "fold"] = 1
    with pytest.raises(InputError, match="b0, whose relatives lie in several folds"):
        prove_no_leak(pd.DataFrame([row("b0", ["b0"], 0)]), splits)


def test_the_message_counts_all_leaks_and_shows_the_first(splits: pd.DataFrame) -> None:
    with pytest.raises(InputError) as caught:
        prove_no_leak(pd.DataFrame([row(f"r{n}", ["t0"], 0) for n in range(30)]), splits)
    assert str(caught.value).startswith("30 rows")
    assert len(str(caught.value).splitlines()) == 11


def test_a_fold_trains_on_rows_without_a_parent_in_it(splits: pd.DataFrame) -> None:
    balanced = pd.DataFrame([row("a", ["a0"], 0), row("b", ["a1"], 1), row("c", ["a1"], 1)])
    assert TrainingSet.of_split(splits).outside_fold(balanced, 1)["row_id"].tolist() == ["a"]
    assert TrainingSet.of_split(splits).outside_fold(balanced, 0)["row_id"].tolist() == ["b", "c"]
    assert TrainingSet.of_split(splits).outside_fold(balanced, None)["row_id"].tolist() == ["a", "b", "c"]


@pytest.fixture
def repeated(splits: pd.DataFrame) -> pd.DataFrame:
    """The split and a second repeat of it, in which a0 and a1 have changed folds."""
    other = splits.assign(repeat=1)
    other.loc[other["image_id"].isin(["a0", "a1"]), "fold"] = [1, 0]
    return pd.concat([splits, other], ignore_index=True)


def test_in_another_repeat_a_row_is_out_of_the_folds_of_its_parents_there(repeated: pd.DataFrame) -> None:
    rows = [row("a", ["a0"], 0), row("ab", ["a0", "b0"], 0), row("b", ["b0"], 0), row("c", ["a1"], 1)]
    balanced = pd.DataFrame(rows)
    assert TrainingSet.of_split(repeated).outside_fold(balanced, 0)["row_id"].tolist() == ["c"]
    assert TrainingSet.of_split(repeated, 1).outside_fold(balanced, 0)["row_id"].tolist() == ["a"]
    assert TrainingSet.of_split(repeated, 1).outside_fold(balanced, 1)["row_id"].tolist() == ["b", "c"]


def test_in_another_repeat_a_row_is_out_of_the_folds_that_its_generator_saw(repeated: pd.DataFrame) -> None:
    balanced = pd.DataFrame([row("s", ["b0"], 0, fitted_on=["a0", "b0"]), row("b", ["b0"], 0)])
    assert TrainingSet.of_split(repeated).outside_fold(balanced, 1)["row_id"].tolist() == ["s", "b"]
    assert TrainingSet.of_split(repeated, 1).outside_fold(balanced, 0)["row_id"].tolist() == []
    assert TrainingSet.of_split(repeated, 1).outside_fold(balanced, 1)["row_id"].tolist() == ["b"]


def test_the_proof_covers_all_repeats(repeated: pd.DataFrame) -> None:
    prove_no_leak(pd.DataFrame([row("a0", ["a0"], 0), row("a1", ["a1"], 1), row("b0", ["b0"], 0)]), repeated)
    torn = repeated.copy()
    torn.loc[(torn["image_id"] == "b1") & (torn["repeat"] == 1), "fold"] = 1
    with pytest.raises(InputError, match="b0, whose relatives lie in several folds"):
        prove_no_leak(pd.DataFrame([row("b0", ["b0"], 0)]), torn)
    held_out = repeated.copy()
    held_out.loc[(held_out["image_id"] == "b0") & (held_out["repeat"] == 1), ["part", "fold"]] = ["test", pd.NA]
    with pytest.raises(InputError, match="descends from b0, which is not a training image"):
        prove_no_leak(pd.DataFrame([row("b0", ["b0"], 0)]), held_out)
