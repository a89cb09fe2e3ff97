"""MLflow's record of a pipeline run, made by real MLflow from files as the stages write them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tracking_project import (
    AUDITS,
    CLASSES,
    COUNTS,
    ENDS,
    HELD_OUT,
    REPOSITORY,
    STRATEGIES,
    Project,
    artifact,
    children,
    client,
    decided,
    files,
    new_project,
    parameters,
    runs,
)

from flows.chosen_model import choose_model
from flows.tracking import FlowRun, TrackingAway, store
from flows.tracking.store import runs_page
from tasks.calibration import Calibration
from tasks.errors import InputError
from tasks.files import read_json, write_json
from tasks.goals.macro_f1 import MacroF1
from tasks.rules import Rule
from tasks.slugs import slugs
from tasks.train.models import rule_file
from tasks.train.predicting import predicted


@pytest.fixture
def project(tmp_path: Path, tracking_store: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    return new_project(tmp_path / "workspace", tracking_store)


def test_a_run_has_a_parent_that_says_what_it_was_made_of(project: Project) -> None:
    commands = (["init", "-q"], ["add", "dvc.lock"], ["commit", "-q", "-m", "run"])
    for command in commands:
        subprocess.run(["git", *command], cwd=project.root, check=True)
    commit = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=project.root, text=True).strip()
    flow_run = FlowRun("0b1c", "http://127.0.0.1:4200/runs/flow-run/0b1c")
    recorded = project.record(flow_run=flow_run, started=1_000_000.0, ended=1_000_060.0)
    parent = client(project).get_run(recorded.parent_run_id)
    assert (parent.info.status, parent.info.start_time, parent.info.end_time) == ("FINISHED", 10**9, 10**9 + 60_000)
    lock_digest = hashlib.sha256((project.root / "dvc.lock").read_bytes()).hexdigest()
    assert parent.info.run_name.endswith(lock_digest[:7])
    wanted = {
        "equipoise.run_id": "first",
        "git_commit": commit,
        "mlflow.source.git.commit": commit,
        "dvc_lock_sha256": lock_digest,
        "prefect.flow_run_id": "0b1c",
        "prefect.flow_run_url": "http://127.0.0.1:4200/runs/flow-run/0b1c",
        "dataset": project.hash("data/catalog"),
        "recommended": "focal",
        "proved": "yes",
        "gate": "passed",
    }
    shown = {tag for tag in parent.data.tags if not tag.startswith("mlflow.")} | {"mlflow.source.git.commit"}
    assert shown == wanted.keys() | {"equipoise.recorded"}
    assert wanted.items() <= parent.data.tags.items()
    facts = artifact(project, recorded.parent_run_id, "run.json")
    assert facts["stages"]["train@focal"] == {"outcome": "Completed", "seconds": 1.5, "peak_memory": 6}
    hashed = ("data/catalog", "data/balanced/augmented_minority", "models/focal")
    assert {path: facts["dvc_hashes"][path] for path in hashed} == {path: project.hash(path) for path in hashed}
    assert facts["classes"]["functional"] == "Functional"
    assert parent.data.metrics["seconds.train.focal"] == 1.5
    note = parent.data.tags["mlflow.note.content"]
    assert "**Take focal: proved to help.**" in note
    assert "1. Add \\*more\\* of Ungültig. `equipoise add FOLDER`" in note
    assert files(project, recorded.parent_run_id) == {
        "report.html",
        "leaderboard.json",
        "run.json",
        "gate.json",
        "explore/report.html",
        "data/catalog/summary.json",
        "data/splits/summary.json",
        *(f"data/balanced/{name}/summary.json" for name in project.params.recipes),
        *(f"samples/augmented_minority/{slug}.png" for slug in slugs(CLASSES[1:]).values()),
        *(f"audit/{name}/audit.json" for name in STRATEGIES),
    }


def test_every_strategy_has_a_child_with_parameters_curve_metrics_and_files(project: Project) -> None:
    recorded = project.record()
    found = children(project, recorded)
    assert set(found) == set(STRATEGIES)
    focal = found["focal"]
    wanted = {"strategy": "focal", "loss.name": "focal", "loss.gamma": "2.0", "recipe": "natural"}
    wanted |= {"family.name": "head", "recipe.resample.name": "none"}
    assert wanted.items() <= focal.data.params.items()
    assert focal.data.params["train.seeds"] == str(project.params.train.seeds)
    assert focal.data.tags["verdict"] == "helps"
    assert focal.data.tags["role"] == "recommended"
    assert "mlflow.note.content" in focal.data.tags
    history = client(project).get_metric_history(focal.info.run_id, "train.loss")
    # Seeds 0 and 1, folds 0 and 1 and all rows: 1 / epoch + seed + fold has the mean 1 / epoch + 1 / 2 + 1 / 3.
    assert {point.step: point.value for point in history} == pytest.approx({e: 1 / e + 5 / 6 for e in (1, 2, 3)})
    slug = slugs(CLASSES)["Ungültig"]
    metrics = project.metrics("focal")
    assert focal.data.metrics["cv.balanced_accuracy"] == metrics["balanced_accuracy"]["value"]
    assert focal.data.metrics["cv.balanced_accuracy.low"] == metrics["balanced_accuracy"]["low"]
    assert focal.data.metrics[f"cv.recall.{slug}"] == metrics["recall.Ungültig"]["value"]
    assert focal.data.metrics[f"test.recall.{slug}.high"] == metrics["recall.Ungültig"]["high"]
    assert focal.data.metrics["difference.low"] == 0.011
    assert focal.data.metrics["seconds.train"] == 1.5
    assert focal.data.metrics["price.new_images"] == focal.data.metrics["price.bytes"] == 0
    assert "price.seconds" not in focal.data.metrics  # embed_new never ran here
    eval_and_model = {"eval/confusion.png", "train/history.csv", "train/model/MLmodel"}
    assert eval_and_model <= files(project, focal.info.run_id)
    assert not [path for path in files(project, focal.info.run_id) if path.endswith((".pkl", ".pickle"))]


def test_what_the_audit_measured_stands_beside_the_metrics(project: Project) -> None:
    found = children(project, project.record())
    measured = {name: run.data.metrics for name, run in found.items() if "audit.difference" in run.data.metrics}
    assert set(measured) == set(AUDITS)
    for name, one in AUDITS.items():
        ends = {
            end: measured[name][f"audit.difference{dot}"] for end, dot in zip(ENDS, ("", ".low", ".high"), strict=True)
        }
        assert ends == one["difference"]
        assert one["reason"] in found[name].data.tags["mlflow.note.content"]


def test_test_metrics_stand_only_where_the_test_part_was_looked_at(project: Project) -> None:
    found = children(project, project.record())
    looked_at = {name for name, run in found.items() if any(key.startswith("test.") for key in run.data.metrics)}
    assert looked_at == {"plain", "focal"}


def test_the_dataset_of_a_strategy_is_its_recipe_with_the_hash_of_dvc(project: Project) -> None:
    run = children(project, project.record())["oversampled"]
    made, judged = run.inputs.dataset_inputs
    assert made.dataset.name == "oversampled"
    assert made.dataset.digest == project.hash("data/balanced/oversampled")
    assert json.loads(made.dataset.profile) == {"num_rows": 100, "classes": COUNTS}
    assert (judged.dataset.name, judged.dataset.digest) == ("out of fold", project.hash("data/splits"))
    contexts = [{tag.key: tag.value for tag in one.tags} for one in (made, judged)]
    assert contexts == [{"mlflow.data.context": "training"}, {"mlflow.data.context": "evaluation"}]


def test_the_datasets_of_a_run_are_the_parts_of_the_split_and_those_of_a_strategy_where_it_was_judged(
    project: Project,
) -> None:
    recorded = project.record()
    parts = {"training part": (COUNTS, "training"), "test part": (dict.fromkeys(CLASSES, HELD_OUT), "evaluation")}
    found = client(project).get_run(recorded.parent_run_id).inputs.dataset_inputs
    assert {one.dataset.digest for one in found} == {project.hash("data/splits")}
    assert {one.dataset.name: (json.loads(one.dataset.profile)["classes"], one.tags[0].value) for one in found} == parts
    names = {
        name: {one.dataset.name for one in run.inputs.dataset_inputs}
        for name, run in children(project, recorded).items()
    }
    assert names == {
        "plain": {"natural", "out of fold", "test part"},
        "focal": {"natural", "out of fold", "test part"},
        "oversampled": {"oversampled", "out of fold"},
    }


def test_a_strategy_that_did_not_change_links_to_the_run_with_its_files(project: Project) -> None:
    first = children(project, project.record("first"))
    (project.root / "models/focal/history.csv").write_text("seed,fold,epoch,loss\n0,0,1,0.5\n")
    project.lock()
    changed = dict.fromkeys(("train_focal", "evaluate", "compare"), "Completed")
    second = children(project, project.record("second", project.outcomes("Unchanged", **changed)))
    assert set(second) == set(first)
    light, full = second["plain"], second["focal"]
    assert light.data.tags["model_run"] == first["plain"].info.run_id
    assert first["plain"].info.run_id in light.data.tags["mlflow.note.content"]
    assert files(project, light.info.run_id) == {"eval/confusion.png"}  # drawn anew by this run's `evaluate`
    assert light.data.params == first["plain"].data.params
    assert light.data.metrics["cv.accuracy"] == first["plain"].data.metrics["cv.accuracy"]
    assert full.data.tags["model_run"] == full.info.run_id
    assert "train/history.csv" in files(project, full.info.run_id)


def test_an_unchanged_strategy_that_was_never_recorded_is_recorded_with_its_files(project: Project) -> None:
    run = children(project, project.record(outcomes=project.outcomes("Unchanged")))["plain"]
    assert "train/model/MLmodel" in files(project, run.info.run_id)


def test_the_same_run_recorded_twice_is_one(project: Project) -> None:
    first = project.record("same")
    before = {run.info.run_id for run in runs(project)}
    assert project.record("same") == first
    assert {run.info.run_id for run in runs(project)} == before
    assert len(client(project).search_model_versions("name = 'solar-cells'")) == 1


def test_a_record_that_broke_off_is_failed_and_is_completed_by_the_same_call(project: Project) -> None:
    history = project.root / "models/focal/history.csv"
    whole = history.read_text()
    history.write_text("seed,fold,epoch,loss\n0,0,one,0.5\n")
    with pytest.raises(ValueError, match="one"):
        project.record("broken")
    half = {run.info.run_id: run.info.status for run in runs(project)}
    parents = [run for run in runs(project) if run.data.tags.get("equipoise.run_id") == "broken"]
    assert len(parents) == 1
    assert half[parents[0].info.run_id] == "FAILED"
    assert "RUNNING" not in half.values()
    history.write_text(whole)
    recorded = project.record("broken")
    assert recorded.parent_run_id == parents[0].info.run_id
    assert {run.info.status for run in runs(project)} == {"FINISHED"}
    assert len(runs(project)) == 1 + len(STRATEGIES)
    plain = children(project, recorded)["plain"]
    assert len(client(project).get_metric_history(plain.info.run_id, "train.loss")) == 3


def test_only_what_the_run_vouches_for_is_recorded(project: Project) -> None:
    outcomes = project.outcomes(train_focal="Failed", evaluate="Blocked", compare="Blocked")
    recorded = project.record(outcomes=outcomes)
    parent = client(project).get_run(recorded.parent_run_id)
    found = children(project, recorded)
    assert parent.info.status == "FAILED"
    assert "`train@focal` failed" in parent.data.tags["mlflow.note.content"]
    assert "report.html" not in files(project, recorded.parent_run_id)
    assert (found["focal"].info.status, found["plain"].info.status) == ("FAILED", "FINISHED")
    assert "train.loss" not in found["focal"].data.metrics
    assert not [name for run in found.values() for name in run.data.metrics if name.startswith(("cv.", "test."))]
    assert recorded.decision is None
    assert not [one for one in parent.inputs.dataset_inputs if one.dataset.digest != project.hash("data/splits")]


def test_a_recommendation_that_holds_becomes_champion_and_loads_without_pickle(project: Project) -> None:
    import mlflow

    decision = decided(project)
    assert decision.passed
    version = client(project).get_model_version_by_alias("solar-cells", "champion")
    assert str(version.version) == decision.version == "1"
    assert version.tags["equipoise.dvc_hash"] == project.hash("models/focal")
    assert (version.tags["strategy"], version.tags["gate"]) == ("focal", "passed")
    mlflow.set_tracking_uri(store(project.root))
    photos = []
    for shade in (20, 200):
        photos.append(str(project.root / f"{shade}.png"))
        Image.new("RGB", (80, 60), (shade, shade, 90)).save(photos[-1])
    table = mlflow.pyfunc.load_model("models:/solar-cells@champion").predict(photos)
    kinds = [f"{kind}.{label}" for kind in ("probability", "score") for label in sorted(CLASSES)]
    assert list(table.columns) == ["label", *kinds, "error"]
    scores = table[kinds[len(CLASSES) :]]
    assert len(table) == 2
    assert [f"score.{label}" for label in table["label"]] == scores.idxmax(axis=1).tolist()


def test_models_in_mlflow_are_named_by_champion_and_by_address_with_the_same_answers(project: Project) -> None:
    recorded = project.record()
    root = project.root
    (root / "params.yaml").write_text(
        (REPOSITORY / "params.yaml").read_text().replace("experiment: equipoise", "experiment: solar-cells")
    )
    run_id = children(project, recorded)["focal"].info.run_id
    photos = [root / f"{shade}.png" for shade in (20, 200)]
    for photo in photos:
        Image.new("RGB", (80, 60), (int(photo.stem), 90, 90)).save(photo)
    expected = predicted(choose_model(root, "focal", root).classifier, photos).table
    for name in ("champion", "models:/solar-cells/1", "models:/solar-cells@champion", f"runs:/{run_id}/train/model"):
        chosen = choose_model(root, name, root)
        assert predicted(chosen.classifier, photos).table.equals(expected)
        assert chosen.strategy == (None if name.startswith("runs:/") else "focal")
    (root / "models/focal/history.csv").write_text("seed,fold,epoch,loss\n0,0,1,0.5\n")
    project.lock()
    assert choose_model(root, "champion", root).strategy is None, "trained anew since"
    for name in (
        "models:/solar-cells/7",
        "models:/solar-cells@best",
        f"runs:/{run_id}/nothing",
        "runs:/0123/train/model",
    ):
        with pytest.raises(InputError, match="MLflow has no such model") as told:
            choose_model(root, name, root)
        assert "registered are: models:/solar-cells/1" in str(told.value)
        assert "there are: focal, oversampled, plain; recommended, champion" in str(told.value)
    for name in ("models:/solar-cells/latest", "models:/m-0123", "runs:/0123"):
        with pytest.raises(InputError, match="an address is models:/NAME/VERSION"):
            choose_model(root, name, root)
    with pytest.raises(InputError, match="no model of Equipoise stands there"):
        choose_model(root, f"runs:/{run_id}/train", root)


def test_without_its_mlflow_a_champion_is_told_to_be_away(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(REPOSITORY / "params.yaml", project.root)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(InputError, match=r"champion: MLflow's tracking store .* can't be used now .*name a strategy"):
        choose_model(project.root, "champion", project.root)


def test_a_model_travels_with_its_rule_and_another_rule_is_another_version(project: Project) -> None:
    versions = []
    calibration = Calibration.fit(np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 3)
    for number, mix in enumerate(([0.2, 0.3, 0.5], [0.1, 0.1, 0.8], [0.1, 0.1, 0.8])):
        rule = Rule(sorted(CLASSES), "logit", MacroF1(), calibration.for_mix(np.array(mix)), None).as_json()
        write_json(rule_file(project.root, "focal"), rule)
        recorded = project.record(f"run {number}", project.outcomes("Unchanged"))
        assert recorded.decision
        versions.append(recorded.decision.version)
        run_id = children(project, recorded)["focal"].data.tags["model_run"]
        packed = client(project).download_artifacts(run_id, "train/model/data/strategy/rule.json", str(project.root))
        assert read_json(Path(packed)) == rule
    assert versions == ["1", "2", "2"]


def test_the_alias_stays_where_it_is_when_the_gain_is_too_small(project: Project) -> None:
    project.record("first")
    (project.root / "models/focal/history.csv").write_text("seed,fold,epoch,loss\n0,0,1,0.5\n")
    project.lock()
    project.params = parameters(STRATEGIES, min_gain=0.02)
    second = decided(project, "second")
    assert (second.version, second.passed) == ("2", False)
    assert "gain over plain: +.031 [+.011, +.052] balanced accuracy" in second.reason
    assert "lower end above +0.020 (track.gate.min_gain)" in second.reason
    version = client(project).get_model_version("solar-cells", "2")
    assert (version.tags["gate"], version.tags["gate_reason"]) == ("held back", second.reason)
    assert str(client(project).get_model_version_by_alias("solar-cells", "champion").version) == "1"


def test_a_model_that_is_registered_is_not_registered_again(project: Project) -> None:
    project.record("first")
    second = decided(project, "second", project.outcomes("Unchanged"))
    assert second.version == "1"
    assert len(client(project).search_model_versions("name = 'solar-cells'")) == 1


class Refusing(BaseHTTPRequestHandler):
    """A server that answers everything with 503."""

    def do_GET(self) -> None:
        self.send_error(503)

    do_POST = do_GET  # noqa: N815

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@pytest.fixture
def refusing_server() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_server_that_is_away_is_told_and_the_same_call_works_later(
    project: Project, refusing_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    for address in ("127.0.0.1:9", refusing_server):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://someone:secret@{address}")
        with pytest.raises(TrackingAway, match="equipoise track") as caught:
            project.record()
        assert "secret" not in str(caught.value)
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert decided(project).version == "1"


class Silent:
    """A server that accepts connections and never answers."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.held: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self.held.append(self.socket.accept()[0])

    def close(self) -> None:
        self.socket.close()
        for one in self.held:
            one.close()


def test_a_server_that_never_answers_is_waited_for_once(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    silent = Silent()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://{silent.address}")
    monkeypatch.setenv("EQUIPOISE_TRACKING_SECONDS", "0.5")
    with pytest.raises(TrackingAway, match=r"no answer within 0\.5 s.*equipoise track"):
        project.record()
    assert len(silent.held) == 1
    silent.close()


@pytest.mark.parametrize("text", ["soon", "0", "-1", "nan"])
def test_a_patience_that_is_no_time_is_refused(project: Project, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("EQUIPOISE_TRACKING_SECONDS", text)
    with pytest.raises(InputError, match="EQUIPOISE_TRACKING_SECONDS"):
        project.record()


def test_an_experiment_that_was_deleted_is_told_with_what_to_do(project: Project) -> None:
    project.record()
    client(project).delete_experiment("1")
    with pytest.raises(TrackingAway, match="mlflow experiments restore -x 1"):
        project.record("second")


def test_everything_stays_in_the_workspace(project: Project, tmp_path: Path) -> None:
    project.record()
    assert [path.name for path in tmp_path.iterdir()] == ["workspace"]
    experiment = client(project).get_experiment_by_name("solar-cells")
    assert experiment.artifact_location == (project.root / ".equipoise/mlflow/artifacts").as_uri()


def test_an_experiment_of_an_earlier_version_opens_the_pages_of_model_training(project: Project) -> None:
    client(project).create_experiment("solar-cells")
    project.record()
    experiment = client(project).get_experiment_by_name("solar-cells")
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"


class Knowing(BaseHTTPRequestHandler):
    """A server that knows one experiment."""

    def do_GET(self) -> None:
        known = self.path.endswith("/experiments/get-by-name?experiment_name=solar-cells")
        self.send_response(200 if known else 404)
        self.end_headers()
        self.wfile.write(b'{"experiment": {"experiment_id": "7"}}' if known else b"{}")

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


def test_the_link_opens_the_table_of_runs_or_the_list_of_experiments() -> None:
    server = HTTPServer(("127.0.0.1", 0), Knowing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    assert runs_page(url, "solar-cells") == f"{url}/#/experiments/7/runs?workflowType=machine_learning"
    assert runs_page(url, "moths") == f"{url}/#/experiments?workflowType=machine_learning"
    server.shutdown()
    server.server_close()
    assert runs_page(url, "solar-cells") == f"{url}/#/experiments?workflowType=machine_learning"


def test_importing_the_package_does_not_import_mlflow() -> None:
    code = "import sys, flows.tracking; sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=False).returncode == 0


def test_a_copied_workspace_writes_nothing_to_the_one_that_it_is_a_copy_of(project: Project, tmp_path: Path) -> None:
    project.record("first")
    copy = replace(project, root=tmp_path / "elsewhere")
    shutil.copytree(project.root, copy.root)
    before = sorted(project.root.rglob("*"))
    with pytest.raises(TrackingAway, match=r"moved or copied from there; delete \.equipoise/mlflow here"):
        copy.record("second")
    assert sorted(project.root.rglob("*")) == before
