"""The Prefect flow: DVC's graph, one task run a stage, then MLflow and the artifacts that people look at.

The flow never touches a pixel or a tensor. Which stage waits for which stands in `dvc.yaml` alone; each stage is a
process of its own (`flows.stage_runner`), so a crash here leaves none behind.
"""

from __future__ import annotations

import contextvars
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from prefect import flow, get_run_logger, runtime, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Completed, Failed
from pydantic import Field

from flows import artifacts, terminal
from flows.errors import error_chain
from flows.graph import graph_of
from flows.graph_runner import run_graph
from flows.handing_on import plan_of_run
from flows.history import commit_lock
from flows.journal import Journal, costs
from flows.masking import mask_logs, masked, without_login
from flows.outcomes import Outcome, Result
from flows.plan import Plan
from flows.prune import prune
from flows.repository import open_repo
from flows.stage_runner import StageRunner
from flows.tracking import FlowRun, TrackingAway, record
from flows.tracking.addresses import require_usable_addresses
from tasks.errors import InputError


@flow(name="equipoise", retries=0, persist_result=False)
def pipeline(
    workspace: Annotated[str, Field(description="Folder of the project, which holds params.yaml and dvc.yaml")] = ".",
    stages: Annotated[list[str] | None, Field(description="Stages to bring up to date; all if empty")] = None,
    jobs: Annotated[int | None, Field(ge=1, description="Stages at the same time; as many as cores if empty")] = None,
    force: Annotated[bool, Field(description="Run stages even if nothing changed")] = False,
    commit: Annotated[bool, Field(description="Commit dvc.lock and params.yaml to git afterwards")] = False,
) -> State[Any]:
    """Bring the stages up to date, record the run in MLflow, and show what came out."""
    mask_logs()
    root = Path(workspace).resolve()
    try:
        require_usable_addresses()
        with plan_of_run(root, stages or (), force=force) as plan:
            url = without_login(runtime.flow_run.ui_url or "") or None
            journal = Journal(root, flow_run={"id": str(runtime.flow_run.id), "url": url})
            try:
                _run_stages(root, plan, journal, jobs or os.cpu_count() or 1)
            finally:
                journal.close(plan.graph.upstream)
            with open_repo(root) as repo:
                prune(repo, graph_of(repo))
            journal.save()
            _record(root, plan, journal)
            if commit and journal.good:
                terminal.note(commit_lock(root))
    except InputError as error:
        get_run_logger().error(str(error))
        return Failed(message=masked(str(error)), name="Refused")
    return _final_state(journal)


def _run_stages(root: Path, plan: Plan, journal: Journal, jobs: int) -> None:
    """Run the graph with a Prefect task run for each stage."""
    loggers: dict[str, Any] = {}

    def on_line(stage: str, line: str) -> None:
        terminal.stage_line(stage, line)
        loggers[stage].info(line)

    minutes = plan.params.run.stage_timeout_minutes
    seconds = None if minutes is None else minutes * 60
    runner = StageRunner(root, journal.logs, forced=plan.forced, timeout=seconds, on_line=on_line)
    context = contextvars.copy_context()

    def execute(stage: str, workers: int) -> Result:
        def work() -> Result:
            loggers[stage] = get_run_logger()
            terminal.stage_started(stage)
            return runner.run_stage(stage, workers)

        return context.copy().run(_as_task_run, stage, work)

    def on_result(result: Result) -> None:
        if result.stage not in loggers:
            _as_task_run(result.stage, lambda: result)
        journal.add(result)
        terminal.stage_ended(result)

    run_graph(plan.graph, set(plan.stale), execute, jobs=jobs, cancelled=runner.cancelled, on_result=on_result)


def _as_task_run(stage: str, work: Callable[[], Result]) -> Result:
    """Do `work` as a Prefect task run named as the stage, whose state says what DVC did."""
    done: list[Result] = []

    @task(name=stage, task_run_name=stage, cache_policy=NO_CACHE, persist_result=False, retries=0)
    def run() -> State[Any]:
        try:
            result = work()
        except Exception as error:  # a full disk, for instance; others may still end well
            result = Result(stage, Outcome.FAILED, message=f"could not be run: {error_chain(error)}", exit_code=1)
        done.append(result)
        return _state(result)

    state = run(return_state=True)
    if done:
        return done[0]
    return Result(stage, Outcome.FAILED, message=masked(f"could not be run: {state.message}"), exit_code=1)


def _state(result: Result) -> State[Any]:
    if result.outcome.good:
        return Completed(name=str(result.outcome), message=f"{result.seconds:.1f} s" if result.seconds else None)
    if result.outcome is Outcome.FAILED:
        return Failed(message=result.message)
    return Cancelled(name=str(result.outcome), message=result.message)


def _record(root: Path, plan: Plan, journal: Journal) -> None:
    """Show the run in MLflow and as Prefect artifacts; a tracking server that is away stops nothing."""

    @task(name="track", task_run_name="track", cache_policy=NO_CACHE, persist_result=False)
    def track() -> str | None:
        try:
            recorded = record(
                root,
                plan.params,
                journal.outcomes,
                costs(root),
                FlowRun(**journal.flow_run) if journal.flow_run else None,
                run_id=journal.run_id,
                started=journal.started,
                ended=time.time(),
            )
        except TrackingAway as error:
            terminal.note(str(error))
            get_run_logger().warning(str(error))
            return None
        except Exception as error:  # a tracking store has many ways to fail, and none may cost the results
            terminal.note(f"MLflow could not record this run: {error_chain(error)}; `equipoise track` tries again")
            get_run_logger().exception("MLflow could not record this run")
            return None
        return recorded.url

    url = track()
    try:
        artifacts.publish(root, url, verdicts=journal.good)
    except Exception as error:  # pictures of results that are safely there
        terminal.note(f"Prefect could not take the artifacts of this run: {error}")


def _final_state(journal: Journal) -> State[Any]:
    counts: dict[str, int] = {}
    for outcome in journal.outcomes.values():
        counts[outcome] = counts.get(outcome, 0) + 1
    summary = ", ".join(f"{number} {outcome.lower()}" for outcome, number in counts.items())
    failed = [result for result in journal.results.values() if not result.outcome.good]
    if failed:
        return Failed(message=f"{summary}. {failed[0].stage}: {failed[0].message}")
    return Completed(message=summary)
