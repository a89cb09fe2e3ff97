"""A run makes one plan, and holds the workspace from the plan to the end, whoever starts it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

GRAPH = """
stages:
  hello:
    cmd: echo hello > made
    outs: [made]
"""

# Runs what stands below it, and says how often DVC was asked what is stale, and whether the workspace was held when
# a run went over from its plan to Prefect.
WATCH = """
import sys
from pathlib import Path
from dvc.repo import Repo
from flows import cli, graph_runner, locks, pipeline, serving
from tasks.errors import InputError

asked, held = [], []
status, provide, run_graph = Repo.status, serving.provide_prefect, graph_runner.run_graph

def counting(repo, *args, **options):
    asked.append(repo)
    return status(repo, *args, **options)

def try_to_hold():
    try:
        with locks.workspace_lock(Path.cwd()):
            held.append(False)
    except InputError:
        held.append(True)

def watching(*args, **options):
    try_to_hold()
    return provide(*args, **options)

def running(*args, **options):
    try_to_hold()
    return run_graph(*args, **options)

Repo.status, serving.provide_prefect, pipeline.run_graph = counting, watching, running
"""


@pytest.fixture
def project(tmp_path: Path, dvc_folder: Path, repository: Path) -> Path:
    """A project with one stage, which has not run."""
    root = tmp_path / "project"
    shutil.copytree(dvc_folder, root)
    shutil.copy(repository / "params.yaml", root)
    (root / "dvc.yaml").write_text(GRAPH)
    (root / ".gitignore").write_text("/made\n/.equipoise\n")
    return root


def watched(root: Path, api: str, code: str) -> str:
    code = f"{WATCH}\n{code}\nprint('asked', len(asked), 'held', held)"
    environment = {**os.environ, "PREFECT_API_URL": api}
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (root / "made").read_text() == "hello\n"
    return done.stdout.splitlines()[-1]


def test_a_run_from_the_command_line_plans_once_hands_the_plan_on_and_leaves_the_workspace_free(project, api):
    run = "sys.argv[1:] = ['run']; cli.main()"
    told = watched(project, api, f"try:\n    {run}\nexcept SystemExit as end:\n    assert not end.code\ntry_to_hold()")
    assert told == "asked 1 held [True, True, False]"


def test_a_scheduled_run_plans_once_on_its_own(project, api):
    run = "assert pipeline.pipeline(str(Path.cwd()), return_state=True).is_completed()"
    assert watched(project, api, run) == "asked 1 held [True]"
