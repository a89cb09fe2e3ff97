"""Commands that schedule runs and keep their records."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from flows.commands.options import SERVICES, Jobs, PrefectPort, enter
from flows.masking import masked
from tasks.errors import InputError

app = typer.Typer()


@app.command(rich_help_panel=SERVICES)
def serve(
    cron: Annotated[str, typer.Option(help="When to run, in cron's words, for instance '0 2 * * *'.")],
    jobs: Jobs = None,
    commit: Annotated[bool, typer.Option("--commit", help="Commit dvc.lock to git after each run.")] = False,
    prefect_port: PrefectPort = None,
) -> None:
    """Run the pipeline on a schedule until Ctrl-C; starts the Prefect server that this needs if none runs."""
    root = enter()
    from flows.serving import serve_schedule

    serve_schedule(root, cron, jobs=jobs, commit=commit, port=prefect_port)


@app.command(rich_help_panel=SERVICES)
def track() -> None:
    """Record the last run in MLflow again, for instance after the tracking server was away."""
    root = enter()
    from flows import terminal
    from flows.costs import costs_of
    from flows.decisions import show_decision
    from flows.journal import last_run, versions_digest
    from flows.tracking import FlowRun, TrackingAway, record
    from flows.tracking.addresses import require_usable_addresses
    from tasks.params import load_params

    last = last_run(root)
    if last is None:
        raise InputError("there is no run to record yet: `equipoise run` first")
    if last["versions"] != versions_digest(root):
        raise InputError("the results have changed since the last run: `equipoise run` records what is there now")
    flow_run = FlowRun(**last["flow_run"]) if last["flow_run"] else None
    require_usable_addresses()
    known = costs_of(last["costs"] if "costs" in last else last["seconds"])  # as earlier versions had it
    times = {key: last[key] for key in ("run_id", "started", "ended")}
    try:
        recorded = record(root, load_params(root / "params.yaml"), last["outcomes"], known, flow_run, **times)
    except TrackingAway as error:
        sys.stderr.write(masked(f"error: {error}\n"))
        raise typer.Exit(1) from None
    terminal.note(f"recorded as MLflow run {recorded.parent_run_id} {recorded.url or ''}")
    if recorded.decision:
        show_decision(recorded.decision)
