"""Servers on this machine: started on loopback, waited for until they answer, ended with the command."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from flows.answering import HOST, SECONDS, answers, free_port, is_free, is_prefect
from flows.environment import PREFECT_PORT, child_environment, where_from
from flows.errors import ServerError
from flows.masking import masked
from flows.process import Child, add_line
from tasks.errors import InputError
from tasks.files import read_json, write_json, write_text
from tasks.workspace import STATE

_PATIENCE_SECONDS = 180.0
_DATABASES = ("sqlite+aiosqlite", "postgresql+asyncpg")


@dataclass(frozen=True)
class Server:
    """A server to start.

    Attributes
    ----------
    name
        What people call it.
    url
        Where people open it.
    health
        Address that answers with status 200 once it is ready.
    command
        What starts it.
    environment
        What its environment has beside this process's.
    page
        Asks the server, once it answers, for the page that people want.
    """

    name: str
    url: str
    health: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    page: Callable[[str], str] = str


def prefect_server(port: int) -> Server:
    """The Prefect server with its UI.

    Raises
    ------
    InputError
        The user's own database is none that Prefect can use.
    """
    for name in ("PREFECT_SERVER_DATABASE_CONNECTION_URL", "PREFECT_API_DATABASE_CONNECTION_URL"):
        address = os.environ.get(name)
        if address and address.partition(":")[0] not in _DATABASES:
            raise InputError(
                f"the environment variable {name} is {masked(address)}: Prefect's server works with addresses that "
                f"begin with {' or '.join(_DATABASES)}; unset it to keep the database in the workspace"
            )
    url = f"http://{HOST}:{port}"
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", HOST, "--port", str(port)]
    # The UI asks port 4200 unless it is told.
    environment = {"PREFECT_SERVER_UI_API_URL": f"{url}/api", "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false"}
    return Server("Prefect", url, f"{url}/api/health", command, environment)


def mlflow_server(port: int, store: str, artifacts: str, page: Callable[[str], str] = str) -> Server:
    """The MLflow server with its UI, on the tracking store `store`; `page` finds the page that people want."""
    url = f"http://{HOST}:{port}"
    where = ["--host", HOST, "--port", str(port), "--workers", "1"]
    command = [sys.executable, "-m", "mlflow", "server", *where]
    # Everyone on the machine can read a command, and the store's address may hold a password.
    environment = {"MLFLOW_BACKEND_STORE_URI": store, "MLFLOW_DEFAULT_ARTIFACT_ROOT": artifacts}
    # Its job queue would start eight processes that nothing here needs.
    environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
    return Server("MLflow", url, f"{url}/health", command, environment, page)


def port_for(name: str, wanted: int | None, usual: int) -> tuple[int, str]:
    """The port of a server that is to start, and what there is to say about it.

    Parameters
    ----------
    name
        What people call the server.
    wanted
        The port that the user asked for, which is taken or refused later.
    usual
        The port if none was asked for; if something else has it, a free one.
    """
    if wanted is not None or is_free(usual):
        return wanted or usual, ""
    port = free_port()
    return port, f"port {usual} is taken by something that is not this workspace's {name}: {name} uses {port}"


def running_prefect(root: Path) -> str | None:
    """API address of a Prefect server that runs already: the user's, this workspace's, or one at the usual port.

    Raises
    ------
    InputError
        PREFECT_API_URL names a server that doesn't answer.
    """
    given = os.environ.get("PREFECT_API_URL")
    if given:
        if not is_prefect(given.rstrip("/")):
            raise InputError(
                f"PREFECT_API_URL{where_from('PREFECT_API_URL')} is {masked(given)}, but no Prefect server answers "
                f"there within {SECONDS:g} s: start it, or unset it and each run has its own"
            )
        return given
    known = [url for url, name in _known_servers(root).items() if name == "Prefect"]
    for address in (*known, f"http://{HOST}:{PREFECT_PORT}"):
        if is_prefect(f"{address}/api"):
            return f"{address}/api"
    return None


@contextmanager
def started(
    root: Path, servers: list[Server], *, announce: bool = True, meanwhile: Callable[[], object] = lambda: None
) -> Iterator[dict[str, Child]]:
    """Start `servers`, wait until all answer, and end them when the block is left.

    With `announce`, other commands in this workspace find them while they run. `meanwhile` is called once all have been
    started, before they are waited for.

    Raises
    ------
    InputError
        A port is in use.
    ServerError
        A server ended, or did not answer in time; the message holds its last lines.
    """
    for server in servers:
        _check_port(server)
    children: dict[str, Child] = {}
    tails: dict[str, deque[str]] = {}
    try:
        for server in servers:
            command = [sys.executable, "-m", "flows.lifeline", *server.command]
            child = children[server.name] = Child(command, root, {**child_environment(1), **server.environment})
            tail = tails[server.name] = deque(maxlen=15)
            log = root / STATE / "logs" / f"{server.name.lower()}-server.log"
            write_text(log, "")
            threading.Thread(target=_drain, args=(child, tail, log), daemon=True).start()
        meanwhile()
        for server in servers:
            _wait_for(server, children[server.name], tails[server.name])
        if announce:
            write_json(_servers_file(root), _known_servers(root) | {server.url: server.name for server in servers})
        yield children
    finally:
        for child in children.values():
            child.end()
            child.release()
        if announce:
            gone = {server.url for server in servers}
            left = {url: name for url, name in _known_servers(root).items() if url not in gone}
            write_json(_servers_file(root), left)


def _check_port(server: Server) -> None:
    port = int(server.url.rpartition(":")[2])
    if not is_free(port):
        option = f"--{server.name.lower()}-port"
        raise InputError(f"port {port} is in use: choose another one for {server.name} with {option}")


def _drain(child: Child, tail: deque[str], log: Path) -> None:
    """Read what a server prints, so that it never waits for a reader; the log is there already."""
    for line in child.lines():
        tail.append(line)
        with suppress(OSError):  # a full disk, which whoever needs the server will meet
            add_line(log, line)


def _wait_for(server: Server, child: Child, tail: deque[str]) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while not answers(server.health):
        if child.process.poll() is not None:
            raise ServerError(f"the {server.name} server ended at once:\n" + "\n".join(tail))
        if time.monotonic() > until:
            raise ServerError(
                f"the {server.name} server did not answer in {_PATIENCE_SECONDS:.0f} s:\n" + "\n".join(tail)
            )
        time.sleep(0.25)


def _servers_file(root: Path) -> Path:
    return root / STATE / "servers.json"


def _known_servers(root: Path) -> dict[str, str]:
    """The servers that commands in this workspace have announced: the name of each by its address."""
    path = _servers_file(root)
    return dict(read_json(path)) if path.exists() else {}
