"""Long trainings are followed while they run, in the terminal, Prefect's log and MLflow; nothing waits for that."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML
from tracking_project import Project, children, client, new_project, runs

from flows import following
from flows.following import Followed
from flows.tracking.generators import GENERATOR_TAG, GRIDS
from flows.tracking.live import METRIC, LiveRuns
from flows.tracking.recording import RUN_TAG
from tasks.files import read_json
from tasks.synthesize.journal import Moment
from tasks.synthesize.moments import begin, journal_of, read_told, told_file
from tasks.train.epochs import Epoch, append_epoch, epochs_file


def epoch(number: int) -> Epoch:
    return Epoch(1, 2, 0, 0, 0, number, 9, 1 / number)


def wait_until(holds: Callable[[], Any], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.05)


class Heard:
    """Who follows."""

    def __init__(self, root: Path) -> None:
        self.lines: list[tuple[str, str]] = []
        self.epochs: list[Epoch] = []
        self.before: list[int] = []
        self.followed = Followed(root, lambda stage, line: self.lines.append((stage, line)), self.show)

    def show(self, stage: str, epochs: list[Any], before: int) -> None:
        assert stage == "train@focal"
        assert before == len(self.epochs)
        self.epochs += epochs


@pytest.fixture
def heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Heard]:
    monkeypatch.setattr(following, "LONG", 0.2)
    monkeypatch.setattr(following, "POLL", 0.05)
    made = Heard(tmp_path)
    yield made
    made.followed.close()


def test_epochs_are_shown_as_they_come_and_the_last_at_the_end(heard: Heard, tmp_path: Path) -> None:
    file = epochs_file(tmp_path, "focal")
    file.parent.mkdir(parents=True)
    append_epoch(file, epoch(7))  # of an earlier training
    heard.followed.begin("train@focal")
    append_epoch(file, epoch(1))
    wait_until(lambda: heard.epochs)
    append_epoch(file, epoch(2))
    append_epoch(file, epoch(3))
    heard.followed.end("train@focal")
    assert heard.epochs == [epoch(1), epoch(2), epoch(3)]
    append_epoch(file, epoch(4))
    heard.followed.close()
    assert len(heard.epochs) == 3
    assert heard.lines[0] == ("train@focal", str(epoch(1)))


def test_short_trainings_other_stages_and_damaged_files_show_nothing(heard: Heard, tmp_path: Path) -> None:
    heard.followed.begin("balance@focal")
    heard.followed.begin("train@focal")
    file = epochs_file(tmp_path, "focal")
    file.parent.mkdir(parents=True)
    append_epoch(file, epoch(1))
    heard.followed.end("train@focal")
    heard.followed.begin("train@focal")
    file.write_text("{}\nnothing\n")
    time.sleep(0.4)
    for stage in ("train@focal", "balance@focal", "train@unknown"):
        heard.followed.end(stage)
    assert (heard.epochs, heard.lines) == ([], [])


# MLflow


def live_of(project: Project) -> LiveRuns:
    return LiveRuns(project.root, project.params.track.experiment, "one run", 1_700_000_000.0)


@pytest.fixture
def project(tmp_path: Path, tracking_store: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    return new_project(tmp_path / "workspace", tracking_store)


def test_a_training_has_its_run_while_it_goes_on_which_the_record_completes(project: Project) -> None:
    live = live_of(project)
    live.show("train@focal", [epoch(1), epoch(2)], 0)
    live.show("train@focal", [epoch(3)], 2)

    def running() -> list[Any]:
        return [run for run in runs(project) if METRIC in run.data.metrics and run.info.status == "RUNNING"]

    wait_until(running)
    [run] = running()
    live.close()
    points = client(project).get_metric_history(run.info.run_id, METRIC)
    assert {point.step: point.value for point in points} == {1: 1.0, 2: 1 / 2, 3: 1 / 3}
    assert client(project).get_run(run.info.run_id).info.status == "FAILED"

    recorded = project.record(run_id="one run", started=1_700_000_000.0)
    own = children(project, recorded)
    assert own["focal"].info.run_id == run.info.run_id
    assert own["focal"].info.status == "FINISHED"
    assert {METRIC, "train.loss"} <= set(own["focal"].data.metrics)
    [parent] = [one for one in runs(project) if one.data.tags.get(RUN_TAG) == "one run"]
    assert parent.info.run_id == recorded.parent_run_id
    assert parent.info.status == "FINISHED"
    assert "·" in parent.info.run_name


def test_the_fit_of_a_generator_has_its_run_with_losses_and_images_while_it_goes_on(project: Project) -> None:
    file = told_file(project.root, "shapes")
    begin(file)
    journal = journal_of(file, None, 1)
    journal.told(Moment(5, 20, {"loss": 0.5}))
    journal.shown(10, np.zeros((4, 8, 8, 3), np.uint8))
    journal.told(Moment(20, 20, {"loss": 0.25}))
    lines, _ = read_told(file)
    assert [str(line) for line in lines] == [
        "step 5 of 20, loss 0.5000 (fold 1)",
        "step 10, images in fold1-step00000010.png (fold 1)",
        "step 20 of 20, loss 0.2500 (fold 1)",
    ]
    live = live_of(project)
    live.show("synthesize@shapes", list(lines), 0)
    live.close()
    [run] = [run for run in runs(project) if run.data.tags.get(GENERATOR_TAG) == "shapes"]
    points = client(project).get_metric_history(run.info.run_id, "loss.fold1")
    assert {point.step: point.value for point in points} == {5: 0.5, 20: 0.25}
    assert [one.path for one in client(project).list_artifacts(run.info.run_id, GRIDS)] == [
        f"{GRIDS}/fold1-step00000010.png"
    ]


def test_what_a_killed_run_left_as_running_is_ended_by_the_next_run_of_the_workspace(project: Project) -> None:
    mlflow = client(project)
    for run_id in ("killed", "of another workspace"):
        live = LiveRuns(project.root, project.params.track.experiment, run_id, 1_700_000_000.0)
        live.show("train@focal", [epoch(1)], 0)
        live.close()
    (project.root / ".equipoise" / "logs" / "killed").mkdir(parents=True)
    left = {}
    for run in runs(project):
        if METRIC in run.data.metrics:
            mlflow.update_run(run.info.run_id, "RUNNING")
            left[mlflow.get_run(run.data.tags["mlflow.parentRunId"]).data.tags[RUN_TAG]] = run.info.run_id
    project.record(run_id="the next")
    status = {run_id: mlflow.get_run(own).info.status for run_id, own in left.items()}
    assert status == {"killed": "KILLED", "of another workspace": "RUNNING"}


def test_a_store_that_is_away_is_waited_for_by_nobody(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    live = live_of(project)
    for number in range(1, 5):
        live.show("train@focal", [epoch(number)], number - 1)
    live.close()


def test_where_nothing_is_long_mlflow_is_not_even_imported(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from flows.tracking.live import LiveRuns; "
        "LiveRuns(Path('.'), 'equipoise', 'one', 0.0).close(); assert 'mlflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow
def test_a_run_shows_its_epochs_before_it_has_ended(workspace: Path) -> None:
    yaml = YAML()
    params = yaml.load((workspace / "params.yaml").read_text())
    plain = params["strategies"]["plain"]
    family = {"name": "finetune", "backbone": "none", "network": {"name": "resnet", "depth": 8}, "epochs": 600}
    params["strategies"] = {"plain": plain, "tuned": dict(plain) | {"family": family}}
    params["recipes"] = {"natural": params["recipes"]["natural"]}
    params["backbones"]["efficientnet_lite0"]["image_size"] = 32
    params["split"]["folds"] = 2
    params["train"]["seeds"] = 1
    with (workspace / "params.yaml").open("w") as file:
        yaml.dump(params, file)
    environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    database = workspace / ".equipoise" / "mlflow" / "mlflow.db"
    seen: list[Any] = []

    from mlflow import MlflowClient

    with subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "run", "train"],
        cwd=workspace,
        env=environment | {"HOME": str(workspace.parent), "COLUMNS": "160"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as running:
        out: list[str] = []
        assert running.stdout is not None
        for line in running.stdout:
            out.append(line)
            if "loss" in line and "epoch" in line and not seen and database.exists():
                store = MlflowClient(f"sqlite:///{database}")

                def live(store: MlflowClient = store) -> list[Any]:
                    known = store.search_experiments()
                    found = store.search_runs([one.experiment_id for one in known])
                    return [run for run in found if METRIC in run.data.metrics]

                wait_until(live)
                seen = live()
                assert seen[0].info.status == "RUNNING" or running.poll() is not None
        assert running.wait() == 0, "".join(out)
    told = [line for line in out if "of 600, loss" in line and "train@tuned" in line]
    assert told
    assert seen
    run = MlflowClient(f"sqlite:///{database}").get_run(seen[0].info.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["strategy"] == "tuned"
    assert {METRIC, "train.loss"} <= set(run.data.metrics)
    assert read_json(workspace / ".equipoise" / "runs" / "last.json")["outcomes"]["train@tuned"] == "Completed"
