"""The command line: what people are told when something is wrong, and with which exit code."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flows import cli
from flows.locks import workspace_lock


def equipoise(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flows.cli", *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, env={**os.environ, "COLUMNS": "120"})


@pytest.fixture
def project(tmp_path: Path, dvc_folder: Path, repository: Path) -> Path:
    """A project without images."""
    root = tmp_path / "project"
    shutil.copytree(dvc_folder, root)
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(repository / name, root)
    for name in ("flows", "tasks"):
        (root / name).symlink_to(repository / name)
    (root / "data/synthetic/none").mkdir(parents=True)
    return root


def test_without_images_it_says_how_to_get_some(project):
    done = equipoise(project, "run")
    assert done.returncode == 2
    assert "equipoise add PATH" in done.stderr
    assert "equipoise sample" in done.stderr
    assert "Traceback" not in done.stderr


def test_versioned_images_that_are_not_here_are_to_be_pulled(project):
    (project / "data/raw.dvc").write_text("outs:\n- md5: 0123456789abcdef0123456789abcdef.dir\n  path: raw\n")
    done = equipoise(project, "status")
    assert done.returncode == 2
    assert "dvc pull" in done.stderr


def test_outside_a_project_it_says_what_is_missing(tmp_path, repository):
    (tmp_path / "flows").symlink_to(repository / "flows")
    (tmp_path / "tasks").symlink_to(repository / "tasks")
    done = equipoise(tmp_path, "status")
    assert done.returncode == 2
    assert "params.yaml" in done.stderr


def test_a_folder_without_dvc_is_told_what_to_do(project):
    shutil.rmtree(project / ".dvc")
    (project / "data/raw/a").mkdir(parents=True)
    done = equipoise(project, "status")
    assert done.returncode == 2
    assert "dvc init" in done.stderr


def test_every_mistake_in_the_parameters_is_told_at_once_with_its_line(project):
    params = project / "params.yaml"
    params.write_text(params.read_text().replace("folds: 5", "fold: 5").replace("seeds: 3", "seeds: 0"))
    done = equipoise(project, "status")
    assert done.returncode == 2
    lines = params.read_text().splitlines()
    for key in ("fold: 5", "seeds: 0"):
        number = next(n for n, line in enumerate(lines, start=1) if line.strip().startswith(key))
        assert f"params.yaml:{number}:" in done.stderr
    assert "did you mean 'folds'?" in done.stderr


def test_a_malformed_assignment_changes_nothing(project):
    before = (project / "params.yaml").read_text()
    done = equipoise(project, "run", "--set", "split.folds=1")
    assert done.returncode == 2
    assert "at least 2" in done.stderr
    assert (project / "params.yaml").read_text() == before


@pytest.mark.parametrize("why", ["no images", "unknown stage", "locked", "no Prefect", "no MLflow"])
def test_a_refused_run_leaves_the_parameters_as_they_were(project, monkeypatch, why):
    params = project / "params.yaml"
    params.write_bytes(params.read_bytes().replace(b"\n", b"\r\n") + b"# the end")
    before, stages = params.read_bytes(), ["ingest"]
    if why != "no images":
        (project / "data/raw/a").mkdir(parents=True)
    if why == "unknown stage":
        stages = ["ingset"]
    if why == "no Prefect":
        monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    if why == "no MLflow":
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "./mlruns")
    with workspace_lock(project) if why == "locked" else contextlib.nullcontext():
        done = equipoise(project, "run", *stages, "--set", "split.folds=4", "--set", "split.seed=7")
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert params.read_bytes() == before


def test_tracking_without_a_run_says_so(project):
    done = equipoise(project, "track")
    assert done.returncode == 2
    assert "equipoise run" in done.stderr


@pytest.mark.parametrize("cron", ["every day", "0 25 * * *", "* * *"])
def test_a_schedule_that_is_none_is_refused_before_a_server_starts(project, cron):
    done = equipoise(project, "serve", "--cron", cron)
    assert done.returncode == 2
    assert "0 2 * * *" in done.stderr


def test_the_report_is_opened_in_the_browser_and_told_where_none_is(project):
    done = equipoise(project, "report")
    assert done.returncode == 2
    assert "`equipoise run compare` makes it" in done.stderr
    page = project / "reports/explore/report.html"
    page.parent.mkdir(parents=True)
    page.write_text("<p>")
    opened = project / "opened"
    browser = project / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > "{opened}"\n')
    browser.chmod(0o755)
    command = [sys.executable, "-m", "flows.cli", "report", "--data"]
    for shown, said in ((str(browser), ""), ("/nowhere/browser", "open that file in one")):
        environment = {**os.environ, "COLUMNS": "200", "BROWSER": shown, "PATH": ""}
        environment.pop("DISPLAY", None)
        told = subprocess.run(command, cwd=project, capture_output=True, text=True, env=environment)
        assert told.returncode == 0, told.stderr
        assert str(page) in told.stdout
        assert said in told.stdout
    assert opened.read_text().strip() == page.as_uri()


def test_a_full_disk_is_told_without_a_traceback_and_a_fault_of_our_own_with_one(monkeypatch, capsys):
    def fail(error: OSError) -> None:
        raise error

    monkeypatch.setattr(cli, "app", lambda: fail(OSError(28, "No space left on device", "/data/x")))
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    told = "error: /data/x: No space left on device: free some disk space, then give the same command again"
    assert told in capsys.readouterr().err
    monkeypatch.setattr(cli, "app", lambda: fail(FileNotFoundError(2, "No such file or directory", "/data/x")))
    with pytest.raises(FileNotFoundError):
        cli.main()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--force"], "--because"),
        (["--force", "--because", " "], "--because"),
        (["--because", "it is better"], "--force"),
        (["--back", "focal"], "no model"),
        (["--back", "--force", "--because", "x"], "no --force"),
    ],
)
def test_promotion_by_force_needs_a_reason_and_the_way_back_no_model(project, arguments, told):
    done = equipoise(project, "promote", *arguments)
    assert done.returncode == 2
    assert told in done.stderr


def test_there_is_no_champion_to_go_back_to_in_a_new_project(project):
    done = equipoise(project, "promote", "--back")
    assert done.returncode == 2
    assert "there is no champion yet of equipoise" in done.stderr


def test_a_tracking_server_that_is_away_is_told_by_promote(project, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    done = equipoise(project, "promote", "--back")
    assert done.returncode == 1
    assert "http://127.0.0.1:9 can't be used now" in done.stderr
    assert "nothing has changed" in done.stderr
    assert "Traceback" not in done.stderr
