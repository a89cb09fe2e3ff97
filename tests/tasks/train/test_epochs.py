"""The epochs of a training as a file that grows."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
from image_fits import TINY
from test_finetune_stage import workspace  # noqa: F401 (a fixture)

from tasks.train import stage as train
from tasks.train.epochs import Epoch, append_epoch, begin_epochs, epochs_file, read_epochs
from tasks.workspace import Workspace

ONE = Epoch(2, 18, 0, 3, 1, 4, 30, 0.63125)


def test_what_is_appended_is_read_once_and_in_order(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "own.jsonl"
    assert read_epochs(file) == ([], 0)
    begin_epochs(file)
    append_epoch(file, ONE)
    found, place = read_epochs(file)
    assert found == [ONE]
    assert read_epochs(file, place) == ([], place)
    other = Epoch(18, 18, None, None, 2, 1, None, 0.5)
    append_epoch(file, other)
    assert read_epochs(file, place)[0] == [other]


def test_a_line_that_is_half_written_is_left_for_later_and_a_new_file_is_read_from_its_start(tmp_path: Path) -> None:
    file = tmp_path / "own.jsonl"
    append_epoch(file, ONE)
    whole = file.read_bytes()
    file.write_bytes(whole + whole[:20])
    found, place = read_epochs(file)
    assert (found, place) == ([ONE], len(whole))
    file.write_bytes(whole + whole)
    assert read_epochs(file, place) == ([ONE], 2 * len(whole))
    file.write_bytes(whole)
    assert read_epochs(file, 2 * len(whole)) == ([ONE], len(whole))


def test_people_read_where_it_stands() -> None:
    assert str(ONE) == "epoch 4 of 30, loss 0.6312 (fold 3, seed 1; fit 2 of 18)"
    assert (
        str(Epoch(18, 18, None, None, 2, 1, None, 0.5))
        == "epoch 1, loss 0.5000 (all training rows, seed 2; fit 18 of 18)"
    )
    assert "(fold 3 of repeat 1, seed 1;" in str(Epoch(2, 18, 1, 3, 1, 4, 30, 0.5))


def test_the_stage_writes_each_epoch_of_its_history_and_begins_anew(workspace: Workspace) -> None:  # noqa: F811
    file = epochs_file(workspace.root, "tuned")
    begin_epochs(file)
    append_epoch(file, ONE)
    train.run(workspace, "tuned")
    found, _ = read_epochs(file)
    history = pd.read_csv(workspace.path("models", "tuned", "history.csv"))
    assert [(one.seed, one.epoch) for one in found] == [*zip(history["seed"], history["epoch"], strict=True)]
    pd.testing.assert_series_equal(history["loss"], pd.Series([one.loss for one in found], name="loss"), atol=1e-6)
    assert {one.epochs for one in found} == {TINY["epochs"]}
    assert [one.fit for one in found] == sorted(one.fit for one in found)
    assert {(one.fit, one.fold) for one in found} == {(1, 0), (2, 0), (3, 1), (4, 1), (5, None), (6, None)}
    assert all(json.loads(line)["fits"] == 6 for line in file.read_text().splitlines())
