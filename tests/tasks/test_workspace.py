"""The edge: outputs appear whole or not at all, files hold the same bytes, progress is told."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

from tasks import workspace as edge
from tasks.workspace import STATE, WORKERS, Progress, Workspace, read_json, say, write_json, write_text


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, "toy")


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_an_output_appears_when_it_is_whole(workspace: Workspace) -> None:
    with workspace.output("data", "toy", "one") as folder:
        (folder / "table").write_text("new")
        assert not workspace.path("data", "toy", "one").exists()
    assert names(workspace.root) == {"data/toy/one/table"}


def test_an_output_replaces_the_old_one_wholly(workspace: Workspace) -> None:
    for name in ("old", "new"):
        with workspace.output("data", "toy") as folder:
            (folder / name).touch()
    assert names(workspace.path("data")) == {"toy/new"}


def test_a_failed_stage_leaves_the_old_output_and_the_next_starts_empty(workspace: Workspace) -> None:
    with workspace.output("data", "toy") as folder:
        (folder / "old").touch()
    with pytest.raises(ZeroDivisionError), workspace.output("data", "toy") as folder:
        (folder / "half").write_text(str(1 / 0))
    assert names(workspace.path("data")) == {"toy/old"}
    with workspace.output("data", "toy") as folder:
        assert not any(folder.iterdir())


def test_scratch_lies_in_the_ignored_folder(workspace: Workspace, repository: Path) -> None:
    with workspace.output("data", "toy") as folder:
        assert folder.is_relative_to(workspace.path(STATE))
    assert f"/{STATE}\n" in (repository / ".gitignore").read_text()


def test_parameters_are_those_of_the_workspace(repository: Path) -> None:
    workspace = Workspace(repository)
    assert workspace.params.split.folds >= 2
    assert workspace.params is workspace.params


@pytest.mark.parametrize(("given", "expected"), [(None, os.cpu_count()), ("3", 3), ("0", 1)])
def test_workers_come_from_the_environment(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, given: str | None, expected: int | None
) -> None:
    monkeypatch.delenv(WORKERS, raising=False)
    if given is not None:
        monkeypatch.setenv(WORKERS, given)
    assert workspace.workers == expected


def test_json_has_the_same_bytes_for_the_same_value(tmp_path: Path) -> None:
    write_json(tmp_path / "one.json", {"b": [1, 0.1], "a": "größe"})
    write_json(tmp_path / "below" / "two.json", {"a": "größe", "b": [1, 0.1]})
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "below" / "two.json").read_bytes()
    assert read_json(tmp_path / "one.json") == {"a": "größe", "b": [1, 0.1]}
    assert "größe" in (tmp_path / "one.json").read_text(encoding="utf-8")


def test_numbers_that_json_has_not_are_refused_and_the_file_stays(tmp_path: Path) -> None:
    write_json(tmp_path / "metrics.json", {"recall": 0.5})
    with pytest.raises(ValueError):
        write_json(tmp_path / "metrics.json", {"recall": math.nan})
    assert read_json(tmp_path / "metrics.json") == {"recall": 0.5}


def test_text_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "params.yaml"
    write_text(path, "old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(Path, "replace", full)
        with pytest.raises(OSError, match="No space"):
            write_text(path, "new")
    assert path.read_text() == "old"
    write_text(path, "new")
    assert path.read_text() == "new"


def test_progress_yields_each_item_and_tells_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter([0.0, 1.0, 2.5, 3.0, 5.0, 5.0, 8.0])  # start, one a item, end
    monkeypatch.setattr(edge.time, "monotonic", lambda: next(clock))
    assert list(Progress("abcde", "images")) == list("abcde")
    assert capsys.readouterr().out.splitlines() == [
        "2 of 5 images (40%), 4 s left",
        "4 of 5 images (80%), 1 s left",
        "5 images in 8.0 s",
    ]


def test_progress_counts_an_iterator_by_its_total(capsys: pytest.CaptureFixture[str]) -> None:
    assert sum(Progress((n for n in range(4)), "folds", total=4, every=0)) == 6
    printed = capsys.readouterr().out.splitlines()
    assert [line.partition(" folds")[0] for line in printed] == ["1 of 4", "2 of 4", "3 of 4", "4"]


def test_progress_of_nothing_ends_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(Progress([], "images")) == []
    assert capsys.readouterr().out == "0 images in 0.0 s\n"


def test_what_is_said_is_one_line_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    say("5 images")
    assert capsys.readouterr().out == "5 images\n"
