"""A Prefect server for the tests, and a toy DVC project without images.

The toy is a diamond with siblings, whose stages can be slowed down, broken and removed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

TOY_GRAPH = """
stages:
  source:
    cmd: {python} work.py source made/source
    params: [letters]
    deps: [work.py]
    outs: [made/source]
  sibling:
    foreach: ${{siblings}}
    do:
      cmd: {python} work.py sibling-${{key}} made/siblings/${{key}} made/source
      params:
        - siblings.${{key}}
      deps:
        - made/source
      outs:
        - made/siblings/${{key}}
  side:
    cmd: {python} work.py side made/side made/source
    deps: [made/source]
    outs: [made/side]
  join:
    cmd: {python} work.py join made/join made/siblings made/side
    params: [siblings]
    deps: [made/siblings, made/side]
    outs: [made/join]
"""

TOY_PARAMS = """
letters: abc  # what the source writes
siblings:
  one: {factor: 1}
  two: {factor: 2}
  three: {factor: 3}
"""

# A stage of the toy: writes its parameters and its inputs; `switches/<name>` may hold Python that runs first.
TOY_WORK = """
import os, pathlib, sys, time
name, out, *inputs = sys.argv[1:]
switch = pathlib.Path("switches", name)
if switch.exists():
    exec(switch.read_text())
print("working on", name, flush=True)
text = name + pathlib.Path("params.yaml").read_text().split("#")[0]
if name.startswith("sibling-"):
    text = name
for path in map(pathlib.Path, inputs):
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    text += "".join(p.name + p.read_text() for p in files)
out = pathlib.Path(out)
out.parent.mkdir(parents=True, exist_ok=True)
out.write_text(text)
"""


class Toy:
    """Handles for a toy project."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def switch(self, name: str, code: str) -> None:
        """Let the stage run `code` first; an empty text switches it off."""
        path = self.root / "switches" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(code)

    def dvc(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "dvc", *arguments], cwd=self.root, capture_output=True, text=True, check=True
        )

    def git(self, *arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=self.root, capture_output=True, text=True, check=True
        ).stdout.strip()

    def copy(self, where: Path) -> Toy:
        """The whole folder, with what has run."""
        shutil.copytree(self.root, where, symlinks=True)
        return Toy(where)

    def clone(self, where: Path) -> Toy:
        subprocess.run(["git", "clone", "-q", str(self.root), str(where)], check=True)
        return Toy(where)


@pytest.fixture(scope="session")
def api() -> Iterator[str]:
    """Address of a Prefect server that all tests share."""
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=180):
        from prefect.settings import PREFECT_API_URL

        yield str(PREFECT_API_URL.value())


@pytest.fixture(scope="session")
def ask(api: str) -> Callable[..., list[dict[str, Any]]]:
    """What Prefect's server knows, asked over its API: ``ask("task_runs", sort=...)``."""

    def read(what: str, **body: object) -> list[dict[str, Any]]:
        data = json.dumps({"limit": 200, **body}).encode()
        request = urllib.request.Request(f"{api}/{what}/filter", data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as response:
            return json.load(response)

    return read


@pytest.fixture(scope="session")
def tracking_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database without runs, copied into each test's workspace: making one takes seconds."""
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture(scope="session")
def workspace_template(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace of this project with two classes of small images, in which nothing has run; tests take copies."""
    root = tmp_path_factory.mktemp("workspaces") / "template"
    listing = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    tracked = subprocess.run(listing, cwd=repository, capture_output=True, text=True, check=True).stdout
    for name in filter(None, tracked.split("\0")):
        if not name.startswith(("tests/", "docs/", "benchmarks/", "data/raw.dvc", "dvc.lock")):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(repository / name, root / name)
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "project"]):
        subprocess.run(["git", *command], cwd=root, check=True)
    stream = np.random.default_rng(0)
    for label in ("bad", "good"):
        (root.parent / "images" / label).mkdir(parents=True)
        for number in range(24):
            pixels = stream.integers(0, 256, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root.parent / "images" / label / f"{number}.png")
    command = [sys.executable, "-m", "flows.cli", "add", str(root.parent / "images")]
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    return root


@pytest.fixture
def workspace(workspace_template: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(workspace_template, tmp_path / "workspace", symlinks=True))


Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def equipoise() -> Command:
    """The command line in a folder, with Prefect and MLflow in the workspace unless the test names others."""

    def run(root: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        own = {"MLFLOW_TRACKING_URI", "PREFECT_API_URL", "PREFECT_HOME", "_MLFLOW_SERVER_ARTIFACT_ROOT"}
        kept = {name: value for name, value in os.environ.items() if name not in own}
        return subprocess.run(
            [sys.executable, "-m", "flows.cli", *arguments],
            cwd=root,
            env={**kept, "HOME": str(root.parent), "COLUMNS": "120", **environment},
            capture_output=True,
            text=True,
        )

    return run


@pytest.fixture(scope="session")
def dvc_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an empty history, in git and in DVC; tests take copies of it."""
    root = tmp_path_factory.mktemp("empty") / "project"
    root.mkdir()
    subprocess.run(["git", "init", "-q", "-b", "main"], cwd=root, check=True)
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q"], cwd=root, check=True)
    return root


@pytest.fixture(scope="session")
def toy_template(dvc_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """A toy in which nothing has run; tests take copies of it."""
    root = tmp_path_factory.mktemp("toys") / "toy"
    shutil.copytree(dvc_folder, root)
    (root / "dvc.yaml").write_text(TOY_GRAPH.format(python=sys.executable))
    (root / "params.yaml").write_text(TOY_PARAMS)
    (root / "work.py").write_text(TOY_WORK)
    (root / ".gitignore").write_text("/made\n/switches\n/.equipoise\n")
    project = Toy(root)
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "toy")
    return project


@pytest.fixture
def toy(toy_template: Toy, tmp_path: Path) -> Toy:
    return toy_template.copy(tmp_path / "toy")
