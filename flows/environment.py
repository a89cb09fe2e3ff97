"""Environment variables, of this process and of those that it starts: stay in the workspace, tell nobody."""

from __future__ import annotations

import os
import sys
import tomllib
from pathlib import Path

from flows.addresses import sqlite_address
from tasks.workspace import STATE, WORKERS

PREFECT_PORT = 4200
MLFLOW_PORT = 5000
_from_profile: dict[str, Path] = {}  # settings that `settle_environment` found in the user's Prefect profile


def settle_environment(root: Path) -> None:
    """Tell Prefect, DVC and MLflow, before they are imported, of the project at `root`; what the user has set stays.

    Prefect's database stands in the workspace unless the user has a profile or a server of their own.
    """
    defaults = {
        "DO_NOT_TRACK": "true",
        "DVC_NO_ANALYTICS": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        # The terminal shows the stages' own lines, errors too; Prefect's go to its server.
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    }
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), "127.0.0.1,localhost"]))
    profile = Path("~/.prefect/profiles.toml").expanduser()
    if profile.exists():
        named = {name: value for name, value in _active_profile(profile).items() if name not in os.environ}
        _from_profile.update(dict.fromkeys(named, profile))
        defaults |= named
    elif not any(os.environ.get(name) for name in ("PREFECT_API_URL", "PREFECT_HOME", "PREFECT_PROFILE")):
        home = root / STATE / "prefect"
        defaults["PREFECT_HOME"] = str(home)
        if "PREFECT_API_DATABASE_CONNECTION_URL" not in os.environ:  # the setting's older name
            defaults["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = sqlite_address(home / "prefect.db", "aiosqlite")
    for name, value in defaults.items():
        os.environ.setdefault(name, value)


def where_from(name: str) -> str:
    """In brackets, the file that a setting was taken from, unless it is an environment variable of the user."""
    return f" (of the active profile in {_from_profile[name]})" if name in _from_profile else ""


def child_environment(workers: int) -> dict[str, str]:
    """The environment of a stage's or server's process: this interpreter first, no telemetry, its share of workers."""
    here = str(Path(sys.executable).parent)
    return {
        **os.environ,
        "PATH": os.pathsep.join([here, os.environ.get("PATH", os.defpath)]),
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",  # what they print is read here, whatever the terminal knows
        "DVC_NO_ANALYTICS": "1",
        WORKERS: str(workers),
    }


def _active_profile(path: Path) -> dict[str, str]:
    """The server that the user's Prefect profile names, if any; read here because Prefect takes seconds to import."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError):
        return {}
    name = os.environ.get("PREFECT_PROFILE", content.get("active", ""))
    settings = content.get("profiles", {}).get(name, {})
    return {key: str(settings[key]) for key in ("PREFECT_API_URL", "PREFECT_API_KEY") if key in settings}
