"""The tables: what fits is written and read back the same, what does not is named."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.errors import InputError
from tasks.tables import BALANCED, CATALOG, GROUPS, PAIRS, PREDICTIONS, REJECTED, SPLITS, Table

TABLES = [CATALOG, REJECTED, GROUPS, PAIRS, SPLITS, BALANCED, PREDICTIONS]
NAMES = [table.name for table in TABLES]


def splits(**changes: list[object]) -> pd.DataFrame:
    columns: dict[str, list[object]] = {
        "image_id": ["a", "b", "c"],
        "group": ["g", "g", "h"],
        "label": ["cat", "dog", None],
        "part": ["train", "train", "test"],
        "repeat": [0, 0, 0],
        "fold": [0, 1, None],
    }
    return pd.DataFrame(columns | changes)


@pytest.mark.parametrize("table", TABLES, ids=NAMES)
def test_an_empty_table_is_a_table(table: Table, tmp_path: Path) -> None:
    table.write(table.empty(), tmp_path / "table.parquet")
    assert table.read(tmp_path / "table.parquet").columns.tolist() == table.schema.names


@pytest.mark.parametrize("table", TABLES, ids=NAMES)
def test_the_key_of_a_table_is_never_empty(table: Table) -> None:
    assert table.key
    assert not any(table.schema.field(name).nullable for name in table.key)


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    frame = splits()
    SPLITS.write(frame, tmp_path / "splits.parquet")
    back = SPLITS.read(tmp_path / "splits.parquet")
    assert back["image_id"].tolist() == ["a", "b", "c"]
    assert back["label"].isna().tolist() == [False, False, True]
    assert back["fold"].tolist()[:2] == [0, 1]
    assert back["fold"].isna().tolist() == [False, False, True]


def test_lists_and_empty_lists_come_back_as_they_were(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "row_id": ["a", "s"],
            "label": ["cat", "cat"],
            "origin": ["original", "synthetic"],
            "parents": [["a"], ["a", "b"]],
            "operation": ["original", "diffusion"],
            "parameters": ["{}", "{}"],
            "file": [None, "images/cat/s.png"],
            "fold": [0, 0],
            "fitted_on": [None, ["a", "b"]],
            "second_label": [None, None],
            "second_share": [None, 0.25],
        }
    )
    BALANCED.write(frame, tmp_path / "balanced.parquet")
    back = BALANCED.read(tmp_path / "balanced.parquet")
    assert [list(parents) for parents in back["parents"]] == [["a"], ["a", "b"]]
    assert back["fitted_on"].iloc[0] is None
    assert list(back["fitted_on"].iloc[1]) == ["a", "b"]


def test_the_same_rows_are_the_same_bytes(tmp_path: Path) -> None:
    """Whatever the frame's index, the order of its columns and the width of its integers."""
    frame = splits()
    other = frame[frame.columns[::-1]].astype({"repeat": "int64"}).set_index(pd.Index([7, 8, 9]))
    other.attrs["made"] = "today"
    SPLITS.write(frame, tmp_path / "one")
    SPLITS.write(other, tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (splits().drop(columns="part"), r"splits: missing columns \['part'\], unknown columns \[\]"),
        (splits(weight=[1, 2, 3]), r"splits: missing columns \[\], unknown columns \['weight'\]"),
        (splits(part=["train", None, "test"]), "splits: .*part"),
        (splits(image_id=["a", "a", "c"]), "splits: 1 rows repeat their key, the first is .*'image_id': 'a'"),
        (splits(repeat=["first", "second", "third"]), "splits: .*repeat"),
        (splits(repeat=[0, 1, 70_000]), "splits: "),
        (splits(fold=[0.5, 1, None]), "splits: "),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named_and_not_written(frame: pd.DataFrame, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        SPLITS.write(frame, tmp_path / "splits.parquet")
    assert not (tmp_path / "splits.parquet").exists()


def test_the_same_image_may_stand_in_each_repeat() -> None:
    SPLITS.check(splits(image_id=["a", "a", "a"], repeat=[0, 1, 2]))


def test_predictions_have_a_score_a_class(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "image_id": ["a"], "part": ["train"], "repeat": [0], "fold": [2], "seed": [1], "label": ["b c"],
            "kind": ["logit"], "score.a": [0.25], "score.b c": [-1.0],
        }
    )  # fmt: skip
    PREDICTIONS.write(frame, tmp_path / "predictions.parquet")
    back = PREDICTIONS.read(tmp_path / "predictions.parquet")
    assert back[["score.a", "score.b c"]].iloc[0].tolist() == [0.25, -1.0]
    with pytest.raises(ValueError, match=r"predictions: .*score\.a"):
        PREDICTIONS.check(frame.assign(**{"score.a": [None]}).astype({"score.a": "float64"}))
    with pytest.raises(ValueError, match=r"unknown columns \['scores'\]"):
        PREDICTIONS.check(frame.assign(scores=[1.0]))


def test_a_missing_or_foreign_file_is_told_to_people(tmp_path: Path) -> None:
    path = tmp_path / "groups.parquet"
    with pytest.raises(InputError, match=r"groups\.parquet: the table groups is missing; `equipoise run` makes it"):
        GROUPS.read(path)
    path.write_text("no parquet")
    with pytest.raises(InputError, match=r"groups\.parquet: not a table groups: .*`equipoise run` makes it anew"):
        GROUPS.read(path)
    pq.write_table(pa.table({"image_id": ["a"]}), path)
    with pytest.raises(InputError, match=r"missing columns \['group'\]"):
        GROUPS.read(path)
