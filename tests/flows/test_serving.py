"""The servers: on loopback, waited for, ended together; the schedule as Prefect sees it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil
import pytest
import yaml

from flows.answering import HOST, answers, free_port
from flows.errors import ServerError
from flows.servers import Server, started
from tasks.errors import InputError

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path: Path, repository: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    for name in ("params.yaml", "dvc.yaml", "flows", "tasks"):
        (root / name).symlink_to(repository / name)
    return root


def start(root: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "flows.cli", *arguments],
        cwd=root,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def read_until(process: subprocess.Popen[str], words: str) -> str:
    text = ""
    assert process.stdout is not None
    for line in process.stdout:
        text += line
        if words in line:
            return text
    raise AssertionError(f"ended without {words!r}: {text}")


def web(port: int) -> Server:
    url = f"http://{HOST}:{port}"
    return Server("Web", url, url, [sys.executable, "-m", "http.server", "--bind", HOST, str(port)])


def test_a_server_answers_inside_the_block_and_is_gone_after_it(tmp_path):
    server = web(free_port())
    with started(tmp_path, [server]) as children:
        assert answers(server.url)
        group = children["Web"].process.pid
    assert not answers(server.url)
    assert not psutil.pid_exists(group)


def test_servers_of_one_name_are_announced_each_as_long_as_it_runs(tmp_path):
    def announced() -> list[str]:
        return sorted(json.loads((tmp_path / ".equipoise/servers.json").read_text()))

    first, second = web(free_port()), web(free_port())
    with started(tmp_path, [first]):
        with started(tmp_path, [second]):
            assert announced() == sorted([first.url, second.url])
        assert announced() == [first.url]
        with started(tmp_path, [web(free_port())], announce=False):
            assert announced() == [first.url]
    assert announced() == []


def test_a_busy_port_is_told_with_the_option_that_changes_it(tmp_path):
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port} is in use.*--web-port"), started(tmp_path, [web(port)]):
            pass


def test_a_server_that_ends_at_once_tells_its_last_words(tmp_path):
    url = f"http://{HOST}:{free_port()}"
    broken = Server("Web", url, url, [sys.executable, "-c", "print('no such store'); raise SystemExit(3)"])
    with pytest.raises(ServerError, match="no such store"), started(tmp_path, [broken]):
        pass


def test_the_uis_start_on_loopback_answer_and_end_together(project):
    prefect, mlflow = free_port(), free_port()
    process = start(project, "ui", "--prefect-port", str(prefect), "--mlflow-port", str(mlflow))
    try:
        said = read_until(process, "Ctrl-C")
        assert f"http://127.0.0.1:{prefect}" in said
        assert f"http://127.0.0.1:{mlflow}" in said
        for port in (prefect, mlflow):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as page:
                assert b"<html" in page.read().lower()
        with urllib.request.urlopen(f"http://127.0.0.1:{prefect}/ui-settings") as settings:
            assert json.load(settings)["api_url"] == f"http://127.0.0.1:{prefect}/api"
        mine = psutil.Process(process.pid).children(recursive=True)
        listening = [c.laddr.ip for child in mine for c in child.net_connections("tcp") if c.status == "LISTEN"]
        assert set(listening) == {"127.0.0.1"}
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    assert not [child for child in mine if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]


def test_a_served_schedule_is_a_deployment_whose_schedule_stays_on(project, api, ask):
    process = start(project, "serve", "--cron", "0 2 * * *", "--commit", PREFECT_API_URL=api)
    try:
        read_until(process, "schedule: 0 2 * * *")
        end = time.monotonic() + 60
        while not (found := ask("deployments")):
            assert time.monotonic() < end, "no deployment"
            time.sleep(0.2)
        assert re.fullmatch(r"project-[0-9a-f]{6}", found[0]["name"])
        assert found[0]["schedules"][0]["schedule"]["cron"] == "0 2 * * *"
        assert found[0]["parameters"] == {"workspace": str(project), "jobs": None, "commit": True}
        form = set(found[0]["parameter_openapi_schema"]["properties"])
        assert form == {"workspace", "stages", "jobs", "force", "commit"}
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        process.wait(60)
        assert ask("deployments")[0]["schedules"][0]["active"]
    finally:
        process.kill()


def test_the_process_of_a_scheduled_run_can_check_the_parameters_of_the_flow_that_it_is_handed(tmp_path, repository):
    """Prefect hands it on by value, as cloudpickle writes it."""
    hand_on = (
        "import sys, cloudpickle; from flows.pipeline import pipeline; cloudpickle.dump(pipeline, sys.stdout.buffer)"
    )
    receive = (
        "import sys, pickle; print(pickle.load(sys.stdin.buffer).validate_parameters({'workspace': '.', 'jobs': 2}))"
    )
    environment = {**os.environ, "PYTHONPATH": str(repository)}
    flow = subprocess.run(
        [sys.executable, "-c", hand_on], env=environment, cwd=tmp_path, capture_output=True, check=True
    )
    found = subprocess.run(
        [sys.executable, "-c", receive], env=environment, cwd=tmp_path, input=flow.stdout, capture_output=True
    )
    assert found.returncode == 0, found.stderr.decode()
    assert b"'jobs': 2" in found.stdout


def test_the_deployment_file_names_the_flow_its_parameters_and_one_run_at_a_time(repository):
    from flows.pipeline import pipeline

    deployment = yaml.safe_load((repository / "prefect.yaml").read_text())["deployments"][0]
    assert deployment["entrypoint"] == "flows/pipeline.py:pipeline"
    assert set(deployment["parameters"]) <= set(pipeline.parameters.properties)
    assert deployment["concurrency_limit"] == {"limit": 1, "collision_strategy": "ENQUEUE"}
    assert re.fullmatch(r"[\d*/, -]+", deployment["schedules"][0]["cron"])
