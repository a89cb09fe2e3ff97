"""Workspaces in folders of any name: databases, artifacts, servers and stages find their files there, nowhere else."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sqlite3
import string
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from flows.addresses import file_address, require_usable_path, sqlite_address
from flows.answering import free_port
from flows.graph import read_graph, stale_stages
from flows.graph_runner import run_graph
from flows.repository import open_repo
from flows.stage_runner import StageRunner
from flows.tracking.store import artifact_location, connection
from tasks.errors import InputError

# A name of all printable characters of ASCII that a project's folder may have, and others.
NAME = "w " + "".join(sorted(set(string.punctuation) - set("/{}"))) + " äß漢🙂%20"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder of that name, the only one in its own."""
    path = tmp_path / "above" / NAME
    path.mkdir(parents=True)
    return path


def alone(folder: Path) -> bool:
    return [path.name for path in folder.parent.iterdir()] == [folder.name]


def tables(file: Path) -> set[str]:
    with sqlite3.connect(file) as database:
        return {name for (name,) in database.execute("SELECT name FROM sqlite_master")}


def test_a_database_is_opened_where_its_path_says(folder):
    import sqlalchemy
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = sqlalchemy.create_engine(sqlite_address(folder / "a.db", "pysqlite"))
    with engine.begin() as open_connection:
        open_connection.execute(sqlalchemy.text("CREATE TABLE one (x)"))
    engine.dispose()

    async def again() -> None:
        other = create_async_engine(sqlite_address(folder / "a.db", "aiosqlite"))
        async with other.begin() as open_connection:
            await open_connection.execute(sqlalchemy.text("CREATE TABLE two (x)"))
        await other.dispose()

    asyncio.run(again())
    assert tables(folder / "a.db") == {"one", "two"}
    assert alone(folder)


def test_a_file_address_leads_back_to_its_path(folder):
    file = folder / "a.txt"
    file.write_text("here")
    with urllib.request.urlopen(file_address(file)) as response:
        assert response.read() == b"here"


def test_mlflow_keeps_runs_artifacts_and_models_in_the_workspace(folder, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("_MLFLOW_SERVER_ARTIFACT_ROOT", "")  # set by the call, and put back with the test
    monkeypatch.chdir(folder)
    (folder / "x.txt").write_text("logged")
    with connection(folder) as client:
        experiment = client.create_experiment("one", artifact_location(folder))
        run = client.create_run(experiment).info.run_id
        client.log_artifact(run, str(folder / "x.txt"))
        client.create_registered_model("model")
        client.create_model_version("model", f"runs:/{run}/x.txt", run)
    with connection(folder) as client:
        assert [found.info.run_id for found in client.search_runs([experiment])] == [run]
        assert Path(client.download_artifacts(run, "x.txt")).read_text() == "logged"
    kept = {path.relative_to(folder).parts[0] for path in folder.rglob("*") if path.is_file()}
    assert kept == {"x.txt", ".equipoise"}
    assert alone(folder)


def test_stages_run_in_it(folder, toy):
    folder.rmdir()
    moved = toy.copy(folder)
    with open_repo(moved.root) as repo:
        stale = stale_stages(repo, read_graph(moved.root))
    runner = StageRunner(moved.root, moved.root / ".equipoise" / "logs")
    results = run_graph(read_graph(moved.root), set(stale), runner.run_stage, jobs=2, cancelled=runner.cancelled)
    assert {str(result.outcome) for result in results.values()} == {"Completed"}
    assert (moved.root / "made/join").is_file()
    assert alone(folder)


@pytest.mark.slow
def test_the_servers_find_their_databases_in_it(folder, repository):
    for name in ("params.yaml", "dvc.yaml", "flows", "tasks"):
        (folder / name).symlink_to(repository / name)
    prefect, mlflow = free_port(), free_port()
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "HOME": str(folder.parent.parent)}
    for name in ("MLFLOW_TRACKING_URI", "PREFECT_HOME", "PREFECT_API_URL", "_MLFLOW_SERVER_ARTIFACT_ROOT"):
        environment.pop(name, None)
    command = [sys.executable, "-m", "flows.cli", "ui", "--prefect-port", str(prefect), "--mlflow-port", str(mlflow)]
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert any("Ctrl-C" in line for line in process.stdout)
        for address, body in (
            (f"http://127.0.0.1:{prefect}/api/flows/filter", {}),
            (f"http://127.0.0.1:{mlflow}/api/2.0/mlflow/experiments/search", {"max_results": 5}),
        ):
            headers = {"Content-Type": "application/json"}
            request = urllib.request.Request(address, json.dumps(body).encode(), headers)
            with urllib.request.urlopen(request) as response:
                assert response.status == 200
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
    assert "flow_run" in tables(folder / ".equipoise/prefect/prefect.db")
    assert "experiments" in tables(folder / ".equipoise/mlflow/mlflow.db")
    assert alone(folder)


@pytest.mark.parametrize("character", ["{", "}", "\n", "\t", "\x1b", "\udcff"])
def test_a_path_that_cannot_work_is_refused_before_anything_is_written(tmp_path, repository, character):
    root = tmp_path / f"a{character}b"
    root.mkdir()
    for name in ("params.yaml", "dvc.yaml", "flows", "tasks"):
        (root / name).symlink_to(repository / name)
    before = sorted(root.iterdir())
    command = [sys.executable, "-m", "flows.cli", "run"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("error: the project's path")
    assert done.stderr.isascii()
    assert "rename" in done.stderr
    assert sorted(root.iterdir()) == before
    shutil.rmtree(root)


def test_usual_paths_are_usable(folder):
    require_usable_path(folder)
    with pytest.raises(InputError, match="control character"):
        require_usable_path(folder / "a\rb")
