"""Where runs are kept: a SQLite file in the workspace, or any tracking server that ``MLFLOW_TRACKING_URI`` names."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flows.addresses import file_address, sqlite_address
from flows.errors import error_chain
from flows.masking import masked, without_login
from flows.tracking.addresses import is_server
from tasks.errors import InputError
from tasks.workspace import STATE

if TYPE_CHECKING:
    from mlflow import MlflowClient

# MLflow reads these when it is imported: no telemetry, no chatter.
_ALWAYS = {"DO_NOT_TRACK": "true", "MLFLOW_DISABLE_TELEMETRY": "true"}
_UNLESS_SET = {
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_UV_AUTO_DETECT": "false",
    # A server that is away must not hold the pipeline for minutes.
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "PGCONNECT_TIMEOUT": "5",
}
# Where MLflow's own experiment "Default" has its artifacts. Unset it is the current folder, whose path MLflow writes
# into SQL as it stands: a colon in it, or both kinds of quotes, is an error.
_DEFAULT_ARTIFACTS = "_MLFLOW_SERVER_ARTIFACT_ROOT"
PATIENCE = "EQUIPOISE_TRACKING_SECONDS"
_DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
RECORD_LATER = "nothing is lost: `equipoise track` records this run once it can"
_AWAY = {401, 403, 404, 408, 429}  # besides 500 and above: answers that the same call may not get later


class TrackingAway(Exception):  # noqa: N818 (it is a state of the world, not a mistake)
    """Nothing can be recorded now: the tracking store is away, or refuses. The same call works once it is back."""


def store(root: Path) -> str:
    """The tracking URI: ``MLFLOW_TRACKING_URI``, or else a SQLite file in the workspace at `root`."""
    return os.environ.get("MLFLOW_TRACKING_URI") or sqlite_address(_folder(root) / "mlflow.db", "pysqlite")


def artifact_location(root: Path) -> str | None:
    """Where a new experiment keeps its artifacts; None where a tracking server decides."""
    if is_server(store(root)):
        return None
    return file_address(_folder(root) / "artifacts")


def artifacts_below(location: str) -> bool:
    """Whether a place of artifacts is one that `artifact_location` gives, of whatever workspace."""
    return location.endswith(f"/{STATE}/mlflow/artifacts")


def run_page(experiment_id: str, run_id: str) -> str:
    """The page of a run, to be put behind a server's address; it opens as MLflow's model training shows runs."""
    return f"#/experiments/{experiment_id}/runs/{run_id}?workflowType=machine_learning"


def runs_page(server: str, experiment: str) -> str:
    """The table of an experiment's runs at a server that answers; while there is none, the list of experiments."""
    import requests

    address = f"{server.rstrip('/')}/api/2.0/mlflow/experiments/get-by-name"
    shown = without_login(server).rstrip("/")
    try:
        answer = requests.get(address, params={"experiment_name": experiment}, timeout=_patience())
        found = answer.json()["experiment"]["experiment_id"]
    except (requests.RequestException, ValueError, KeyError, TypeError):
        return f"{shown}/#/experiments?workflowType=machine_learning"
    return f"{shown}/#/experiments/{found}/runs?workflowType=machine_learning"


def run_url(uri: str, experiment_id: str, run_id: str) -> str | None:
    """The address of a run at a tracking server; None where the store has no server of its own."""
    if not is_server(uri):
        return None
    return f"{without_login(uri).rstrip('/')}/{run_page(experiment_id, run_id)}"


def prepare_environment() -> None:
    """Set MLflow's switches; must happen before it is imported. Time-outs that the user has set are kept."""
    os.environ.update(_ALWAYS)
    for name, value in _UNLESS_SET.items():
        os.environ.setdefault(name, value)


@contextmanager
def connection(root: Path, remedy: str = RECORD_LATER) -> Iterator[MlflowClient]:
    """A client of the tracking store.

    Parameters
    ----------
    root
        The workspace.
    remedy
        What to do when the store is away.

    Raises
    ------
    TrackingAway
        The store could not be reached, or refused, anywhere in the block.
    """
    prepare_environment()
    import requests
    from mlflow import MlflowClient
    from mlflow.exceptions import ERROR_CODE_TO_HTTP_STATUS, MlflowException

    uri = store(root)
    _require_answer(uri, remedy)
    artifacts = artifact_location(root)
    if artifacts is not None:
        os.environ[_DEFAULT_ARTIFACTS] = artifacts
    try:
        yield MlflowClient(uri, registry_uri=os.environ.get("MLFLOW_REGISTRY_URI") or uri)
    except MlflowException as error:
        status = ERROR_CODE_TO_HTTP_STATUS.get(error.error_code, 500)
        if status < 500 and status not in _AWAY:
            raise
        raise TrackingAway(_away(uri, error, remedy)) from error
    except requests.RequestException as error:
        raise TrackingAway(_away(uri, error, remedy)) from error


def _folder(root: Path) -> Path:
    """The folder of the workspace's own store, which MLflow makes neither in its server nor in its clients."""
    folder = root.absolute() / STATE / "mlflow"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _require_answer(uri: str, remedy: str) -> None:
    """Wait once for whoever keeps the runs, shortly: MLflow itself would wait in each of its calls, and repeat them.

    Any answer will do: what it says is between MLflow and the server. Of a database, only the port is tried.
    """
    import requests

    parts, seconds = urlsplit(uri), _patience()
    port = parts.port or _DATABASE_PORTS.get(parts.scheme.partition("+")[0])
    try:
        if parts.scheme in ("http", "https"):
            requests.get(f"{uri.rstrip('/')}/health", timeout=seconds, allow_redirects=False, stream=True).close()
        elif parts.hostname and port:
            socket.create_connection((parts.hostname, port), timeout=seconds).close()
    except requests.exceptions.SSLError:
        return
    except (requests.Timeout, TimeoutError) as error:
        silence = TimeoutError(f"no answer within {seconds:g} s; {PATIENCE} sets how long it may take")
        raise TrackingAway(_away(uri, silence, remedy)) from error
    except OSError as error:  # those of requests, too
        raise TrackingAway(_away(uri, error, remedy)) from error


def _patience() -> float:
    """Seconds that a tracking server may take to its first answer."""
    text = os.environ.get(PATIENCE) or "5"
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 3600:
        raise InputError(f"the environment variable {PATIENCE} is {text!r}: give seconds, for instance 5")
    return seconds


def _away(uri: str, error: Exception, remedy: str) -> str:
    reason = error_chain(error).splitlines()[0]
    return masked(f"MLflow's tracking store {uri} can't be used now ({reason}); {remedy}")
