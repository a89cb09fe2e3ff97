"""What the libraries are told before they are imported: stay in the workspace, tell nobody, ask no network."""

from __future__ import annotations

import os
from pathlib import Path

from tasks.workspace import STATE

PREFECT_PORT = 4200
MLFLOW_PORT = 5000


def settle_environment(root: Path) -> None:
    """Set the switches of Prefect, DVC and MLflow for the project at `root`; what the user has set stays.

    Prefect's database stands in the workspace unless the user has a profile or a server of their own.
    """
    defaults = {
        "DO_NOT_TRACK": "true",
        "DVC_NO_ANALYTICS": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        # The terminal shows the stages' own lines; Prefect's go to its server.
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "ERROR",
    }
    own_prefect = ("PREFECT_API_URL", "PREFECT_HOME", "PREFECT_PROFILE")
    if (
        not any(os.environ.get(name) for name in own_prefect)
        and not Path("~/.prefect/profiles.toml").expanduser().exists()
    ):
        defaults["PREFECT_HOME"] = str(root / STATE / "prefect")
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
