"""A run that somebody waits for: planned, begun at once, followed by Prefect, told to its end."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from flows import terminal
from flows.costs import costs
from flows.decisions import show_decision
from flows.errors import error_chain
from flows.execution import Execution, broke_off
from flows.handing_on import handing_on
from flows.history import commit_lock
from flows.journal import Journal, last_run
from flows.leaderboard import show_leaderboard
from flows.locks import workspace_lock
from flows.outcomes import Outcome
from flows.plan import Plan, make_plan
from flows.serving import choose_prefect, provide_prefect
from flows.tracking.addresses import require_usable_addresses
from flows.tracking.gate import Decision
from tasks.errors import InputError
from tasks.params.editing import put_back_if_refused, set_values
from tasks.workspace import STATE


def run_pipeline(
    root: Path,
    stages: list[str] | None,
    settings: Sequence[str],
    jobs: int | None,
    *,
    force: bool,
    commit: bool,
    started: float,
) -> int:
    """Bring the stages up to date, show what is done and what came out; returns the exit code.

    Parameters
    ----------
    root
        The workspace.
    stages
        Stages to bring up to date, with all they need; all if none.
    settings
        ``key.path=value`` for `params.yaml`, which stays as it was if the run is refused.
    jobs
        Stages at the same time; as many as cores if None.
    force
        Run stages even if nothing changed.
    commit
        Commit `dvc.lock` to git afterwards.
    started
        When the command began, by the monotonic clock.

    Raises
    ------
    InputError
        Something that can be known beforehand is wrong, or another run holds the workspace.
    """
    require_usable_addresses()
    with workspace_lock(root):
        with put_back_if_refused(root / "params.yaml"):
            if settings:
                set_values(root / "params.yaml", settings)
            plan = make_plan(root, stages or (), force=force)
            prefect = choose_prefect(root) if plan.stale else ""
        for name in plan.pruned:
            terminal.note(f"{name} is gone from the graph: its results were removed (they stay in DVC's cache)")
        if not plan.stale:
            _show_unchanged(root, plan, commit=commit)
            return 0
        for line in plan.costs:
            terminal.note(line)
        execution = Execution(plan, Journal(root), jobs)
        try:
            with terminal.live(len(plan.graph.upstream), _took(root)), execution, handing_on(execution):
                terminal.note(f"Prefect: {provide_prefect(root, prefect)}")
                from flows.pipeline import pipeline

                state = pipeline(str(root), stages, jobs, force, commit, return_state=True)
        except KeyboardInterrupt:
            terminal.note("ended by Ctrl-C; finished stages are kept, and the next run goes on from there")
            return 130
        except Exception as error:
            if not (isinstance(error, OSError) or _is_of_prefect(error)):
                raise
            if _is_of_prefect(error):
                terminal.note(
                    f"Prefect's server does not answer any more ({error_chain(error)}); what was finished is kept, and "
                    "the same command goes on from there"
                )
            elif execution.broken is None:
                terminal.note(broke_off(error))
            return 1
    return _show_end(root, state, stages or (), started, told=execution.broken is not None)


def _took(root: Path) -> dict[str, float]:
    return {stage: cost.seconds for stage, cost in costs(root).items()}


def _is_of_prefect(error: Exception) -> bool:
    """Whether an error is that of Prefect's own, whose server may have ended: what a flow raises comes as its state."""
    return type(error).__module__.partition(".")[0] in ("prefect", "httpx", "httpcore", "anyio")


def _show_unchanged(root: Path, plan: Plan, *, commit: bool) -> None:
    for name in plan.graph.upstream:
        terminal.note(f"{name:<30} Unchanged")
    if "compare" in plan.graph.upstream:
        show_leaderboard(root, costs(root))
    if commit:
        terminal.note(commit_lock(root))


def _show_end(root: Path, state: Any, stages: Sequence[str], started: float, *, told: bool) -> int:
    """Tell the end of a flow run, whose final Prefect state is given; returns the exit code.

    `told` says whether the terminal has said already what ended the run before its time.
    """
    last = last_run(root)
    if state.name == "Refused" or last is None:
        raise InputError(state.message or "the run was refused")
    if state.is_completed() and "compare" in last["outcomes"]:
        show_leaderboard(root, costs(root))
        if last["decision"]:
            show_decision(Decision.of_json(last["decision"]))
    terminal.budget(last["took"], time.monotonic() - started)
    if state.is_completed():
        return 0
    wrong = set(last["exit_codes"].values()) == {2}
    if Outcome.FAILED not in last["outcomes"].values() and state.message and not told:
        terminal.note(f"the run broke off: {state.message}")
    logs = f"{STATE}/logs/{last['run_id']}"
    offers = offered(last["messages"].values())
    command = " ".join(["equipoise run", *stages])
    terminal.failures(last["outcomes"], logs, command, input_is_wrong=wrong, offers=offers)
    return 2 if wrong else 1


def offered(messages: Iterable[str]) -> list[str]:
    """The commands that messages of errors offer on lines of their own, each once."""
    lines = [line for message in messages for line in message.splitlines() if line.startswith(" ")]
    return list(dict.fromkeys(line.strip() for line in lines if line.strip().startswith("equipoise ")))
