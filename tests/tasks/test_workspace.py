"""The workspace: outputs appear whole or not at all, parameters and workers are its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tasks.workspace import STATE, WORKERS, Workspace


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
