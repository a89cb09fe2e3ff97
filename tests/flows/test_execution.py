"""Stages run at once, in their own time, and whoever follows them learns everything, from the first."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import psutil
import pytest

from flows import execution as execution_module
from flows.execution import Execution
from flows.graph import graph_of, stale_stages
from flows.journal import Journal, last_run
from flows.outcomes import Outcome
from flows.plan import Plan
from flows.repository import open_repo
from tasks.params import load_params

REPOSITORY = Path(__file__).parents[2]


def plan_of(toy) -> Plan:
    with open_repo(toy.root) as repo:
        graph = graph_of(repo)
        stale = stale_stages(repo, graph)
    return Plan(load_params(REPOSITORY / "params.yaml"), graph, stale, frozenset(), [])


def wait_until(holds, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.02)


def outcomes_of(toy) -> dict[str, str]:
    return last_run(toy.root)["outcomes"]


def test_stages_end_while_nobody_follows_and_who_comes_late_learns_all_of_them_in_order(toy):
    toy.switch("source", "print('from the source')")
    with Execution(plan_of(toy), Journal(toy.root), 2) as execution:
        wait_until(lambda: len(execution.journal.results) == 6)
        found = [(one.stage, [*one.lines()], one.result.result().outcome) for one in execution.stages()]
    names, _, outcomes = zip(*found, strict=True)
    assert (names[0], names[-1]) == ("source", "join")
    assert set(outcomes) == {Outcome.COMPLETED}
    assert "from the source" in found[0][1]
    assert set(outcomes_of(toy).values()) == {"Completed"}


def test_who_follows_hears_a_stage_while_it_runs(toy):
    toy.switch("source", "print('begun', flush=True)\nwhile not pathlib.Path('switches/go').exists(): time.sleep(.02)")
    with Execution(plan_of(toy), Journal(toy.root), 2) as execution:
        first = next(execution.stages())
        assert first.stage == "source"
        assert any("begun" in line for line in first.lines())
        assert not first.result.done()
        (toy.root / "switches" / "go").touch()
        assert first.result.result(60).outcome is Outcome.COMPLETED


def test_unchanged_and_blocked_stages_are_shown_as_well(toy):
    toy.switch("side", "raise SystemExit(1)")
    with Execution(plan_of(toy), Journal(toy.root), 2) as execution:
        ended = {one.stage: one.result.result(60) for one in execution.stages()}
    assert ended["side"].outcome is Outcome.FAILED
    assert (ended["join"].outcome, ended["join"].message) == (Outcome.BLOCKED, "waits for side")
    toy.switch("side", "")
    with Execution(plan_of(toy), Journal(toy.root), 2) as execution:
        ended = {one.stage: one.result.result(60) for one in execution.stages()}
    assert ended["source"].outcome is Outcome.UNCHANGED
    assert ended["join"].outcome is Outcome.COMPLETED


def test_leaving_ends_what_runs_and_counts_the_rest_as_cancelled(toy, capsys):
    toy.switch("source", "pathlib.Path('switches/started').touch(); time.sleep(600)")

    def interrupted() -> None:
        with Execution(plan_of(toy), Journal(toy.root), 2) as execution:
            wait_until((toy.root / "switches/started").exists)
            following = threading.Thread(target=lambda: [one.result.result() for one in execution.stages()])
            following.start()
            try:
                raise KeyboardInterrupt
            finally:
                execution.end()
                following.join(60)
                assert not following.is_alive()

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert set(outcomes_of(toy).values()) == {"Cancelled"}
    assert not [p for p in psutil.process_iter(["cwd"]) if p.info["cwd"] == str(toy.root)]
    with Execution(plan_of(toy), Journal(toy.root), 2):
        pass  # nothing may hang where nobody follows


def test_what_breaks_an_execution_reaches_who_follows(toy, monkeypatch):
    def full(journal, result):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(execution_module.Journal, "add", full)
    with Execution(plan_of(toy), Journal(toy.root), 2) as execution, pytest.raises(OSError, match="No space left"):
        list(execution.stages())


def test_what_breaks_an_execution_is_told_once_though_nobody_follows_and_the_next_goes_on(toy, monkeypatch, capsys):
    def full(journal, result):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(execution_module.Journal, "add", full)
        with Execution(plan_of(toy), Journal(toy.root), 2) as execution:
            wait_until(lambda: execution.broken is not None)
    told = "the run broke off: No space left on device: free some disk space"
    assert capsys.readouterr().out.count(told) == 1
    with Execution(plan_of(toy), Journal(toy.root), 2) as execution:
        ended = {one.stage: one.result.result(60).outcome for one in execution.stages()}
    assert ended["source"] is Outcome.UNCHANGED, "it had come to its end"
    assert ended["join"] is Outcome.COMPLETED


def test_a_stage_that_cannot_be_started_fails_and_others_still_run(toy, monkeypatch):
    run_stage = execution_module.StageRunner.run_stage

    def failing(runner, stage, workers=1):
        if stage == "side":
            raise OSError(24, "Too many open files")
        return run_stage(runner, stage, workers)

    monkeypatch.setattr(execution_module.StageRunner, "run_stage", failing)
    with Execution(plan_of(toy), Journal(toy.root), 2) as execution:
        ended = {one.stage: one.result.result(60) for one in execution.stages()}
    assert ended["side"].outcome is Outcome.FAILED
    assert "could not be run: " in ended["side"].message
    assert "Too many open files" in ended["side"].message
    assert ended["sibling@two"].outcome is Outcome.COMPLETED
