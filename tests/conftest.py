"""What all tests share: DVC, Prefect and MLflow keep to temporary folders and to themselves."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
_STATE = Path(tempfile.mkdtemp(prefix="equipoise-tests-"))
atexit.register(shutil.rmtree, _STATE, ignore_errors=True)

# A shell's background job starts with Ctrl-C ignored, and so would all that the tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Set before any of the libraries is imported, here and in the processes that tests start.
os.environ.update(
    {
        "DVC_SITE_CACHE_DIR": str(_STATE / "dvc-site"),
        "DVC_GLOBAL_CONFIG_DIR": str(_STATE / "dvc-config"),
        "DVC_NO_ANALYTICS": "1",
        "DO_NOT_TRACK": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PREFECT_HOME": str(_STATE / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "GIT_AUTHOR_NAME": "Tester",
        "GIT_AUTHOR_EMAIL": "tester@example.org",
        "GIT_COMMITTER_NAME": "Tester",
        "GIT_COMMITTER_EMAIL": "tester@example.org",
    }
)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The folder of this checkout."""
    return ROOT
