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
from flows import cli, execution, graph_runner, locks, pipeline, running
from tasks.errors import InputError

asked, held = [], []
status, provide, run_graph = Repo.status, running.provide_prefect, graph_runner.run_graph

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

def stages_running(*args, **options):
    try_to_hold()
    return run_graph(*args, **options)

Repo.status, running.provide_prefect, execution.run_graph = counting, watching, stages_running
"""

RUN = """
sys.argv[1:] = ["run"]
try:
    cli.main()
except SystemExit as end:
    assert not end.code
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
    told = watched(project, api, f"{RUN}\ntry_to_hold()")
    assert told == "asked 1 held [True, True, False]"


def test_a_scheduled_run_plans_once_on_its_own(project, api):
    run = "assert pipeline.pipeline(str(Path.cwd()), return_state=True).is_completed()"
    assert watched(project, api, run) == "asked 1 held [True]"


def test_stages_do_not_wait_for_prefects_server(project, api):
    slow = """
import time

def late(*args, **options):
    end = time.monotonic() + 60
    while not Path("made").exists():
        assert time.monotonic() < end, "the stage waits for the server"
        time.sleep(0.05)
    return provide(*args, **options)

running.provide_prefect = late
"""
    assert watched(project, api, slow + RUN).startswith("asked 1 ")
