"""What a person reads of a run: each error once, a line a stage, and what to type next."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from flows import terminal
from flows.graph import Graph
from flows.graph_runner import run_graph
from flows.outcomes import Outcome, Result


def logged(root: Path) -> str:
    """All that stands in the log of the workspace's Prefect server."""
    with sqlite3.connect(root / ".equipoise/prefect/prefect.db") as database:
        return "\n".join(message for (message,) in database.execute("SELECT message FROM log"))


@pytest.mark.slow
def test_a_failing_stage_tells_its_error_once_and_the_end_says_what_to_type(workspace, equipoise):
    params = workspace / "params.yaml"
    params.write_text(params.read_text().replace("min_images: 20", "min_images: 50"))
    done = equipoise(workspace, "run", "group", PYTHONIOENCODING="ascii", LC_ALL="C", TERM="dumb")
    assert done.returncode == 2
    assert done.stderr == ""
    assert done.stdout.isascii()
    lines = done.stdout.splitlines()
    assert sum("classes with fewer than 50 images" in line for line in lines) == 1
    assert [line.split()[1] for line in lines if "Blocked: waits for ingest" in line] == [
        "embed@efficientnet_lite0",
        "group",
    ]
    assert sum("waits for" in line for line in lines) == 2
    end = done.stdout[done.stdout.index("Failed: ingest") :]
    assert "`equipoise run group`" in end
    (log,) = [line.removeprefix("Logs: ") for line in end.splitlines() if line.startswith("Logs: ")]
    assert "classes with fewer than 50 images" in (workspace / log / "ingest.log").read_text()
    kept = logged(workspace)
    assert "classes with fewer than 50 images" in kept
    assert "NoneType: None" not in kept


def test_a_blocked_stage_names_what_failed_first_and_not_all_that_stands_between():
    names = ["a", "b", "c", "d", "e"]
    upstream = {"a": (), "b": ("a",), "c": ("a", "b"), "d": (), "e": ("b", "c", "d")}
    bad = {"a", "d"}

    def execute(stage: str, workers: int) -> Result:
        return Result(stage, Outcome.FAILED if stage in bad else Outcome.COMPLETED)

    results = run_graph(Graph(upstream, {}), set(names), execute, jobs=1, cancelled=threading.Event())
    messages = {stage: result.message for stage, result in results.items() if result.outcome is Outcome.BLOCKED}
    assert messages == {"b": "waits for a", "c": "waits for a", "e": "waits for a"}


@pytest.mark.parametrize(("heard", "told"), [(True, 0), (False, 1)])
def test_an_error_that_the_stage_did_not_print_is_told_with_its_end(capsys, monkeypatch, heard, told):
    monkeypatch.setattr(terminal.console, "file", None)
    terminal.stage_ended(Result("split", Outcome.FAILED, 1.0, "the disk is full", 1, heard))
    said = capsys.readouterr().out
    assert said.count("the disk is full") == told
    assert said.count("Failed in 1.0 s") == 1
