"""Workspaces: how one is found, and those that share the installed code, which `equipoise new` makes.

A clone is a workspace and holds the code. Another workspace holds parameters, data and histories only; stand-ins tell
DVC there which code is installed.
"""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path


def workspace_above(folder: Path) -> Path | None:
    """The nearest workspace, `folder` itself or one above: it holds `params.yaml` and `dvc.yaml`."""
    for one in (folder, *folder.parents):
        if (one / "params.yaml").is_file() and (one / "dvc.yaml").is_file():
            return one
    return None


def shipped(name: str) -> bytes:
    """A file of the repository's root that is installed with the code, by its name in the folder ``files``.

    Links stand there, so that an installation in editable mode has the clone's own, and a wheel has copies.
    """
    with as_file(files(__name__) / "files" / name) as path:
        return path.read_bytes()
