"""MLflow's record of a pipeline run, made by real MLflow from files as the stages write them."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from ruamel.yaml import YAML

from flows.tracking import FlowRun, Recorded, TrackingAway, record, store
from tasks.errors import InputError
from tasks.features.backbones.efficientnet_lite0 import EfficientNetLite0
from tasks.files import write_json, write_text
from tasks.params import Params, load_params
from tasks.slugs import slugs
from tasks.train.families.head import FittedHead, Head
from tasks.train.models import Model, save_model
from tasks.train.posthoc.none import Unchanged

REPOSITORY = Path(__file__).parent.parent.parent
BACKBONE = "efficientnet_lite0"
CLASSES = ["Functional", "likely defective", "Ungültig"]
STRATEGIES = ["plain", "focal", "oversampled"]
GAINS = {"plain": None, "focal": (0.031, 0.011, 0.052), "oversampled": (-0.004, -0.015, 0.006)}
ENDS = ("value", "low", "high")
AUDITS = {
    "oversampled": {"reason": "can't tell: a rise of 0.02", "difference": {"value": 0.02, "low": -0.03, "high": 0.07}}
}
COUNTS = {"Functional": 80, "likely defective": 12, "Ungültig": 8}


@cache
def fitted(seed: int) -> FittedHead:
    """A head on the features of the default backbone, of chance."""
    stream = np.random.default_rng(seed)
    arrays = {"weight0": stream.normal(size=(3, 1280)), "bias0": stream.normal(size=3)}
    arrays |= {"mean": stream.normal(size=1280), "deviation": stream.uniform(1, 2, size=1280)}
    arrays = {name: values.astype(np.float32) for name, values in arrays.items()}
    return FittedHead(BACKBONE, None, np.full(3, 1 / 3), arrays)


@dataclass
class Project:
    """A workspace as a pipeline run leaves it, small; `stage_files` may be changed between runs."""

    root: Path
    params: Params
    strategies: list[str] = field(default_factory=lambda: list(STRATEGIES))

    def write(self, recommended: str = "focal") -> None:
        """Write what all stages make, and the `dvc.lock` that fits."""
        for name in self.params.recipes:
            self._recipe(name)
        write_json(self.root / "data/catalog/summary.json", {"images": 100})
        write_json(self.root / "data/splits/summary.json", {"train": 80, "test": 20})
        for number, name in enumerate(self.strategies):
            self._model(name, number)
        self._evaluation()
        self._comparison(recommended)
        write_text(self.root / "reports/explore/report.html", "<h1>The data</h1>")
        self.lock()

    def lock(self) -> None:
        """Write `dvc.lock`, with a hash an output that follows its files."""
        outs = {"ingest": ["data/catalog"], "split": ["data/splits"], "explore": ["reports/explore"]}
        outs |= {f"balance@{name}": [f"data/balanced/{name}"] for name in self.params.recipes}
        outs |= {f"train@{name}": [f"models/{name}"] for name in self.strategies}
        outs |= {f"audit@{name}": [f"reports/audit/{name}"] for name in self.strategies}
        outs |= {"evaluate": ["reports/evaluate"], "compare": ["reports/compare"]}
        stages = {
            stage: {"cmd": "x", "outs": [{"path": path, "hash": "md5", "md5": self.hash(path)} for path in paths]}
            for stage, paths in outs.items()
        }
        with (self.root / "dvc.lock").open("w") as file:
            YAML().dump({"schema": "2.0", "stages": stages}, file)

    def hash(self, path: str) -> str:
        files = sorted(file for file in (self.root / path).rglob("*") if file.is_file())
        content = b"".join(str(file).encode() + file.read_bytes() for file in files)
        return hashlib.md5(content, usedforsecurity=False).hexdigest() + ".dir"

    def outcomes(self, outcome: str = "Completed", **others: str) -> dict[str, str]:
        stages = ["ingest", "split", "explore", *(f"balance@{name}" for name in self.params.recipes)]
        stages += [*(f"train@{name}" for name in self.strategies), "evaluate", "compare"]
        stages += [f"audit@{name}" for name in self.strategies]
        return {stage: others.get(stage.replace("@", "_"), outcome) for stage in stages}

    def record(self, run_id: str = "first", outcomes: dict[str, str] | None = None, **more: Any) -> Recorded:
        outcomes = outcomes or self.outcomes()
        return record(self.root, self.params, outcomes, dict.fromkeys(outcomes, 1.5), run_id=run_id, **more)

    def _recipe(self, name: str) -> None:
        folder = self.root / "data/balanced" / name
        after = {label: {"original": count} for label, count in COUNTS.items()}
        if name == "augmented_minority":
            after |= {label: {"original": COUNTS[label], "augmented": 80 - COUNTS[label]} for label in CLASSES[1:]}
            (folder / "contact_sheets").mkdir(parents=True, exist_ok=True)
            for label, slug in slugs(CLASSES[1:]).items():
                shade = COUNTS[label] * 8
                Image.new("RGB", (240, 160), (shade, 120, 160)).save(folder / "contact_sheets" / f"{slug}.png")
        write_json(folder / "summary.json", {"before": COUNTS, "after": after})

    def _model(self, name: str, number: int) -> None:
        write_json(self.root / "reports/audit" / name / "audit.json", {"strategy": name})
        folder = self.root / "models" / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        backbone = EfficientNetLite0(image_size=64)
        family = Head(backbone=BACKBONE)
        save_model(Model(sorted(CLASSES), family, Unchanged(), (fitted(number),), None, backbone, 16), folder, {})
        with (folder / "history.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["seed", "fold", "epoch", "loss"])
            for seed in (0, 1):
                for fold in (0, 1, ""):
                    rows.writerows([seed, fold, epoch, 1 / epoch + seed + (fold or 0)] for epoch in (1, 2, 3))

    def metrics(self, name: str) -> dict[str, dict[str, float]]:
        gain = (GAINS.get(name) or (0.0,))[0]
        names = ["accuracy", "balanced_accuracy", "macro_f1", *(f"recall.{c}" for c in CLASSES), "f1.Functional"]
        found = {}
        for number, metric in enumerate(names):
            value = round(0.5 + 0.05 * number + gain, 6)
            found[metric] = {"value": value, "low": round(value - 0.02, 6), "high": round(value + 0.02, 6)}
        return found

    def measures(self, name: str) -> dict[str, dict[str, float]]:
        metrics = self.metrics(name)
        rarest = metrics["recall.Ungültig"]
        reached = {"recall_rarest": rarest, "reached": metrics["balanced_accuracy"]}
        return {name: metrics[name] for name in ("balanced_accuracy", "macro_f1")} | reached

    def _evaluation(self) -> None:
        write_json(self.root / "reports/evaluate/metrics.json", {name: self.metrics(name) for name in self.strategies})
        for name in self.strategies:
            plots = self.root / "reports/evaluate/plots" / name
            plots.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (300, 200), (240, 240, 240)).save(plots / "confusion.png")

    def _comparison(self, recommended: str) -> None:
        rows = []
        for name in self.strategies:
            gain = GAINS.get(name)
            difference = dict(zip(("value", "low", "high"), gain, strict=True)) if gain else None
            verdict = "baseline" if gain is None else "helps" if gain[1] > 0 else "no difference"
            bet = {"chance": 0.9, "expected_gain": 0.01, "expected_loss": -0.01} if gain else None
            row = {"strategy": name, "difference": difference, "bet": bet, "verdict": verdict, **self.measures(name)}
            rows.append(row | {"audit": AUDITS.get(name, {"reason": "no new images", "difference": None})})
        board = {
            "baseline": "plain",
            "metric": "balanced_accuracy",
            "judged_by": "balanced accuracy",
            "recommended": recommended,
            "sentences": [f"Take {recommended}: proved to help.", "It is the best of those that help."],
            "rarest_class": "Ungültig",
            "rows": sorted(rows, key=lambda row: -((row["difference"] or {}).get("value", 0))),
            "test": {
                "images": 20,
                "rows": [{"strategy": name, **self.measures(name)} for name in dict.fromkeys(["plain", recommended])],
                "sentence": "On the held-out images the gain is confirmed.",
            },
        }
        write_json(self.root / "reports/compare/leaderboard.json", board)
        write_text(self.root / "reports/compare/report.html", "<h1>Which remedies help</h1>")


def parameters(strategies: list[str] | None = None, min_gain: float = 0.0) -> Params:
    """The checkout's own parameters with fewer strategies and recipes."""
    plain = load_params(REPOSITORY / "params.yaml").model_dump(mode="json")
    if strategies is not None:
        plain["strategies"] = {name: plain["strategies"][name] for name in strategies}
        plain["recipes"] = {name: plain["recipes"][name] for name in ("natural", "oversampled", "augmented_minority")}
    plain["track"] = {"experiment": "solar-cells", "gate": {"min_gain": min_gain}}
    return Params.model_validate(plain)


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database without runs, copied into each test's workspace: making one takes seconds."""
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def project(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "workspace"
    (root / ".equipoise/mlflow").mkdir(parents=True)
    shutil.copy(empty_store, root / ".equipoise/mlflow/mlflow.db")
    project = Project(root, parameters(STRATEGIES))
    project.write()
    return project


def client(project: Project) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(store(project.root))


def runs(project: Project) -> list[Any]:
    return list(client(project).search_runs(["1"]))


def children(project: Project, recorded: Recorded) -> dict[str, Any]:
    return {
        run.info.run_name: run
        for run in runs(project)
        if run.data.tags.get("mlflow.parentRunId") == recorded.parent_run_id
    }


def files(project: Project, run_id: str, folder: str | None = None) -> set[str]:
    found = set()
    for entry in client(project).list_artifacts(run_id, folder):
        found |= files(project, run_id, entry.path) if entry.is_dir else {entry.path}
    return found


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
        "dvc.data/catalog": project.hash("data/catalog"),
        "dvc.data/balanced/augmented_minority": project.hash("data/balanced/augmented_minority"),
        "outcome.train.focal": "Completed",
    }
    assert wanted.items() <= parent.data.tags.items()
    assert json.loads(parent.data.tags["classes"])["functional"] == "Functional"
    assert parent.data.metrics["seconds.train.focal"] == 1.5
    assert "**Take focal: proved to help.**" in parent.data.tags["mlflow.note.content"]
    assert files(project, recorded.parent_run_id) == {
        "report.html",
        "leaderboard.json",
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
    (dataset_input,) = run.inputs.dataset_inputs
    assert dataset_input.dataset.name == "oversampled"
    assert dataset_input.dataset.digest == project.hash("data/balanced/oversampled")
    assert json.loads(dataset_input.dataset.profile) == {"num_rows": 100, "classes": COUNTS}


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
    assert recorded.version is None


def test_a_recommendation_that_holds_becomes_champion_and_loads_without_pickle(project: Project) -> None:
    import mlflow

    recorded = project.record()
    assert recorded.champion
    version = client(project).get_model_version_by_alias("solar-cells", "champion")
    assert str(version.version) == recorded.version == "1"
    assert version.tags["equipoise.dvc_hash"] == project.hash("models/focal")
    assert (version.tags["strategy"], version.tags["gate"]) == ("focal", "passed")
    mlflow.set_tracking_uri(store(project.root))
    photos = []
    for shade in (20, 200):
        photos.append(str(project.root / f"{shade}.png"))
        Image.new("RGB", (80, 60), (shade, shade, 90)).save(photos[-1])
    table = mlflow.pyfunc.load_model("models:/solar-cells@champion").predict(photos)
    kinds = [f"{kind}.{label}" for kind in ("score", "probability") for label in sorted(CLASSES)]
    assert list(table.columns) == ["label", *kinds]
    scores = table[kinds[: len(CLASSES)]]
    assert len(table) == 2
    assert [f"score.{label}" for label in table["label"]] == scores.idxmax(axis=1).tolist()


def test_the_alias_stays_where_it_is_when_the_gain_is_too_small(project: Project) -> None:
    project.record("first")
    (project.root / "models/focal/history.csv").write_text("seed,fold,epoch,loss\n0,0,1,0.5\n")
    project.lock()
    project.params = parameters(STRATEGIES, min_gain=0.02)
    second = project.record("second")
    assert (second.version, second.champion) == ("2", False)
    assert "+.031 [+.011, +.052]" in second.gate
    assert "not above +0.020" in second.gate
    version = client(project).get_model_version("solar-cells", "2")
    assert (version.tags["gate"], version.tags["gate_reason"]) == ("held back", second.gate)
    assert str(client(project).get_model_version_by_alias("solar-cells", "champion").version) == "1"


def test_a_recommended_baseline_is_never_champion(project: Project) -> None:
    project.write(recommended="plain")
    recorded = project.record()
    assert recorded.version == "1"
    assert not recorded.champion
    assert "is the baseline" in recorded.gate


def test_a_model_that_is_registered_is_not_registered_again(project: Project) -> None:
    project.record("first")
    second = project.record("second", project.outcomes("Unchanged"))
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
    assert project.record().version == "1"


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


def test_importing_the_package_does_not_import_mlflow() -> None:
    code = "import sys, flows.tracking; sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=False).returncode == 0
