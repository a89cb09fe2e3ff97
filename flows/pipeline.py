"""The Prefect flow: DVC's graph, one task run a stage, then MLflow and the artifacts that people look at.

The flow never touches a pixel or a tensor. Which stage waits for which stands in `dvc.yaml` alone. The stages run
beside the flow (`flows.execution`), which follows them, so none waits for Prefect's server.

Annotations here are no texts (no ``from __future__ import annotations``): a scheduled run's process is handed the flow
by value, without the names that only texts use, and has to check its parameters.
"""

import contextvars
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any

from prefect import flow, get_run_logger, runtime, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Completed, Failed
from pydantic import Field

from flows import artifacts, terminal
from flows.costs import costs
from flows.errors import error_chain
from flows.execution import Execution, StageRun
from flows.graph import graph_of
from flows.handing_on import execution_of_run
from flows.history import commit_lock
from flows.journal import Journal
from flows.masking import mask_logs, masked, without_login
from flows.outcomes import Outcome, Result
from flows.plan import Plan
from flows.prune import prune
from flows.repository import open_repo
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
        with execution_of_run(root, stages or (), jobs=jobs, force=force) as execution:
            plan, journal = execution.plan, execution.journal
            url = without_login(runtime.flow_run.ui_url or "") or None
            journal.flow_run = {"id": str(runtime.flow_run.id), "url": url}
            try:
                _follow(execution)
            finally:
                execution.end()
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


def _follow(execution: Execution) -> None:
    """Show the stages, as they run, with a Prefect task run for each."""
    context = contextvars.copy_context()
    with ThreadPoolExecutor(max_workers=execution.jobs, thread_name_prefix="task-run") as pool:
        try:
            shown = [pool.submit(context.copy().run, _show, stage) for stage in execution.stages()]
        except BaseException:  # or the pool would wait for stages that nobody wants any more
            execution.end()
            raise
    for one in shown:
        one.result()


def _show(stage_run: StageRun) -> None:
    """Show one stage as a Prefect task run named as it, whose state says what DVC did."""
    stage = stage_run.stage

    @task(name=stage, task_run_name=stage, cache_policy=NO_CACHE, persist_result=False, retries=0)
    def run() -> State[Any]:
        logger = get_run_logger()
        for line in stage_run.lines():
            logger.info(line)
        return _state(stage_run.result.result())

    run(return_state=True)


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
        if recorded.decision:
            journal.decision = recorded.decision.as_json()
            journal.save()
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
