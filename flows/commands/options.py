"""What commands share: their panels in the list, their options, and how they settle in the workspace."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from flows.addresses import require_usable_path
from flows.environment import MLFLOW_PORT, PREFECT_PORT, settle_environment
from flows.masking import mask_logs
from flows.workspaces import workspace_above
from tasks.errors import InputError

# Panels of the list of commands.
FIRST, CLOSER = "First steps", "A closer look"
VERSIONS, MODELS, SERVICES = "Versions of balanced datasets", "Models", "Schedules and records"

Jobs = Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="Stages at the same time; as many as cores.")]
Stages = Annotated[
    list[str] | None, typer.Argument(help="Stages to bring up to date, with all they need; all if none.")
]

Recipe = Annotated[
    str | None, typer.Option("--recipe", help="A recipe; by default the recommended one, or that of the release.")
]


PrefectPort = Annotated[
    int | None, typer.Option(min=1, max=65535, help=f"By default {PREFECT_PORT}, or a free one if that is taken.")
]
MlflowPort = Annotated[
    int | None, typer.Option(min=1, max=65535, help=f"By default {MLFLOW_PORT}, or a free one if that is taken.")
]


def project_root() -> Path:
    """The project's folder: the current one or the nearest above that holds `params.yaml` and `dvc.yaml`."""
    here = Path.cwd()
    root = workspace_above(here)
    if root is None:
        raise InputError(
            f"{here} is no Equipoise project: there is no params.yaml with a dvc.yaml here or above. "
            "`equipoise new FOLDER` makes one"
        )
    return root


def enter() -> Path:
    """Settle in the project's folder; every command starts so."""
    root = project_root()
    require_usable_path(root)
    mask_logs()
    os.chdir(root)
    settle_environment(root)
    return root
