"""Which addresses MLflow can keep runs at, told before a run starts instead of between its stages."""

from __future__ import annotations

import os
from importlib.metadata import entry_points
from urllib.parse import urlsplit

from flows.errors import error_chain
from flows.masking import masked
from tasks.errors import InputError, did_you_mean

_SERVERS = ("http", "https")
_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
_ELSEWHERE = ("databricks", "databricks-uc", "uc")
_PLUGINS = {"MLFLOW_TRACKING_URI": "mlflow.tracking_store", "MLFLOW_REGISTRY_URI": "mlflow.model_registry_store"}
_REMEDY = "unset it to keep the runs in the workspace, or name a server (http://...) or a database (sqlite:///...)"


def is_server(address: str) -> bool:
    """Whether a server keeps the runs, and decides itself where artifacts go."""
    return address.startswith(("http://", "https://", "databricks"))


def require_usable_addresses() -> None:
    """Refuse what MLflow's environment variables name if no run could ever be kept there.

    A server or database that is merely away now is none of these.

    Raises
    ------
    InputError
        ``MLFLOW_TRACKING_URI`` or ``MLFLOW_REGISTRY_URI`` is a folder, has an unknown scheme, no host, or names a
        database that MLflow can't open.
    """
    for variable, plugins in _PLUGINS.items():
        address = os.environ.get(variable)
        problem = _problem(address, plugins) if address else ""
        if problem:
            raise InputError(f"the environment variable {variable} is {masked(str(address))}: {problem}; {_REMEDY}")


def _problem(address: str, plugins: str) -> str:
    """Why MLflow can't use an address; empty if it can."""
    if address in _ELSEWHERE:
        return ""
    scheme, colon, _ = address.partition(":")
    kind = scheme.lower().partition("+")[0]
    if not colon or kind == "file" or not scheme.isascii() or "/" in scheme:
        allowed = os.environ.get("MLFLOW_ALLOW_FILE_STORE", "").lower() in ("true", "1")
        return "" if allowed else "a folder, and MLflow keeps no runs in folders any more"
    if kind in _SERVERS:
        return _problem_of_server(address)
    if kind in _DATABASES:
        return _problem_of_database(address)
    named = {found.name for found in entry_points(group=plugins)}
    if kind in {*_ELSEWHERE, *named}:
        return ""
    return f"MLflow knows no addresses that begin with {scheme!r}" + did_you_mean(kind, [*_SERVERS, *_DATABASES])


def _problem_of_server(address: str) -> str:
    try:
        parts = urlsplit(address)
        return "" if parts.hostname and (parts.port is None or parts.port) else "it names no host"
    except ValueError as error:
        return f"it is no address ({error})"


def _problem_of_database(address: str) -> str:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import SQLAlchemyError

    try:
        url = make_url(address)
        dialect = url.get_dialect()
        dialect.import_dbapi()
    except ImportError as error:
        return f"the Python package that opens such a database is not installed ({error_chain(error)})"
    except (SQLAlchemyError, ValueError) as error:
        return f"it is no address of a database ({error_chain(error).splitlines()[0]})"
    if dialect.is_async:
        return f"MLflow can't work with the driver {url.drivername}"
    if dialect.name == "sqlite" and url.database in (None, "", ":memory:"):
        return "a database in memory, which would be gone with the run"
    return "" if dialect.name == "sqlite" or url.host or url.query else "it names no host"
