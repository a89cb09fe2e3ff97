"""``equipoise ui`` and ``equipoise serve``: the UIs and the schedule, until Ctrl-C."""

from __future__ import annotations

import atexit
import hashlib
import importlib
import os
import signal
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from flows import terminal
from flows.answering import HOST, free_port, is_prefect
from flows.environment import MLFLOW_PORT, PREFECT_PORT
from flows.errors import ServerError
from flows.masking import masked
from flows.servers import Server, mlflow_server, port_for, prefect_server, running_prefect, started
from tasks.errors import InputError
from tasks.params import load_params


def serve_uis(root: Path, prefect_port: int | None, mlflow_port: int | None) -> None:
    """Run the Prefect and MLflow servers until Ctrl-C, a termination, or one of them ends.

    A port that is None is the usual one, or a free one if something else has that.

    Raises
    ------
    InputError
        A given port is in use, or ``MLFLOW_TRACKING_URI`` names no place for runs.
    """
    from flows.tracking.addresses import require_usable_addresses
    from flows.tracking.store import artifact_location, runs_page, store

    require_usable_addresses()
    experiment = _experiment(root)
    _terminate_by_exception()
    lines, servers = [], []
    prefect = prefect_server(prefect_port or PREFECT_PORT)
    if is_prefect(f"{prefect.url}/api"):
        lines.append(f"Prefect: {prefect.url} (ran already)")
    else:
        port, said = port_for("Prefect", prefect_port, PREFECT_PORT)
        servers.append(prefect_server(port))
        lines += [said] * bool(said)
    tracking, artifacts = store(root), artifact_location(root)
    if artifacts is None:
        shown = runs_page(tracking, experiment) if tracking.startswith("http") else masked(tracking)
        lines.append(f"MLflow:  {shown} (MLFLOW_TRACKING_URI)")
    else:
        port, said = port_for("MLflow", mlflow_port, MLFLOW_PORT)
        servers.append(mlflow_server(port, tracking, artifacts, lambda url: runs_page(url, experiment)))
        lines += [said] * bool(said)
    _run_until_ended(root, servers, lines)


def _experiment(root: Path) -> str:
    """The experiment whose runs people want to see; none where `params.yaml` can't be read, which stops no server."""
    try:
        return load_params(root / "params.yaml").track.experiment
    except InputError:
        return ""


def _run_until_ended(root: Path, servers: list[Server], lines: list[str]) -> None:
    if servers:
        terminal.note(f"starting {' and '.join(server.name for server in servers)} ...")
    with started(root, servers) as children:
        for line in [*lines, *(f"{server.name + ':':<8} {server.page(server.url)}" for server in servers)]:
            terminal.note(line)
        terminal.note("Ctrl-C ends them." if servers else "Nothing to start.")
        while children:
            for name, child in children.items():
                if child.process.poll() is not None:
                    raise ServerError(f"the {name} server ended; its log is in .equipoise/logs")
            time.sleep(0.3)


def choose_prefect(root: Path, port: int | None = None, *, announce: bool = False) -> str | Server:
    """The API address of a Prefect server that runs already, or the server to start; nothing is started.

    A server is started at `port`; without one at the usual port if it is announced, else at any that is free.

    Raises
    ------
    InputError
        PREFECT_API_URL names a server that doesn't answer, or the user's own database is none that Prefect can use.
    """
    api = running_prefect(root)
    if api is not None:
        return api
    usual, said = port_for("Prefect", port, PREFECT_PORT) if announce else (free_port(), "")
    if said:
        terminal.note(said)
    return prefect_server(usual)


def provide_prefect(root: Path, chosen: str | Server, *, announce: bool = False) -> str:
    """Let Prefect use the server of `choose_prefect`, which is started if it must be; returns where its UI is.

    Must be called before Prefect is imported. A server of our own ends with this process, after Prefect has sent it the
    last of its logs; it leads a process group, so that it still answers when Ctrl-C ends a run. With `announce`, other
    commands in this workspace use it while it runs.
    """
    if isinstance(chosen, str):
        os.environ["PREFECT_API_URL"] = chosen
        return masked(chosen.removesuffix("/api"))

    def import_pipeline() -> None:
        """Import the flow, and with it Prefect, while the server starts: both take seconds."""
        os.environ["PREFECT_API_URL"] = f"{chosen.url}/api"
        # This server is gone after the run: links that are kept lead to where `equipoise ui` will show it.
        os.environ.setdefault("PREFECT_UI_URL", chosen.url if announce else f"http://{HOST}:{PREFECT_PORT}")
        importlib.import_module("flows.pipeline")

    stack = ExitStack()
    stack.enter_context(started(root, [chosen], announce=announce, meanwhile=import_pipeline))
    atexit.register(stack.close)
    return chosen.url


def serve_schedule(root: Path, cron: str, *, jobs: int | None, commit: bool, port: int | None) -> None:
    """Serve the pipeline on a schedule until Ctrl-C, with a Prefect server of its own if none runs.

    Raises
    ------
    InputError
        `cron` is no schedule, the given port is in use, or ``MLFLOW_TRACKING_URI`` names no place for runs.
    """
    _terminate_by_exception()
    from flows.tracking.addresses import require_usable_addresses

    check_cron(cron)
    require_usable_addresses()
    chosen = choose_prefect(root, port, announce=True)
    terminal.note("starting a Prefect server ..." if isinstance(chosen, Server) else "a Prefect server runs already")
    url = provide_prefect(root, chosen, announce=True)
    from prefect.types.entrypoint import EntrypointType

    from flows.pipeline import pipeline

    terminal.note(f"Prefect: {url}   schedule: {cron}   Ctrl-C ends it")
    digest = hashlib.sha256(str(root).encode()).hexdigest()[:6]  # folders of one name may share a server
    pipeline.serve(
        name=f"{root.name}-{digest}",
        cron=cron,
        parameters={"workspace": str(root), "jobs": jobs, "commit": commit},
        pause_on_shutdown=False,
        limit=1,
        print_starting_message=False,
        entrypoint_type=EntrypointType.MODULE_PATH,
    )


def check_cron(cron: str) -> None:
    """Refuse what is no schedule in cron's words (`InputError`)."""
    from cronsim import CronSim, CronSimError

    try:
        CronSim(cron, datetime.now(UTC))
    except CronSimError as error:
        example = "'0 2 * * *' (every night at two)"
        raise InputError(
            f"{cron!r} is no cron schedule ({error}): give minute, hour, day, month, weekday: {example}"
        ) from None


def _terminate_by_exception() -> None:
    """Let a termination end the servers as Ctrl-C does."""

    def leave(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, leave)
