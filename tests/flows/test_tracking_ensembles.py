"""An ensemble in MLflow: recorded, registered, loaded and described like a strategy, with the price of its members."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import mlflow
import pytest
from PIL import Image
from ruamel.yaml import YAML
from tracking_project import CLASSES, Project, children, client, files, new_project

from flows.chosen_model import choose_model, trained
from flows.costs import Cost
from flows.tracking import record, store
from flows.tracking.findings import Findings
from flows.tracking.model_card import describe_model, markdown
from tasks.errors import InputError
from tasks.files import read_json, write_json
from tasks.params.models import Ensemble
from tasks.tables import PREDICTIONS
from tasks.train.packing import copy_model, save_ensemble

MEMBERS = ["plain", "oversampled"]


@pytest.fixture
def project(tmp_path: Path, tracking_store: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A run that recommends an ensemble, which does as well as the best strategy."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    project = new_project(tmp_path / "workspace", tracking_store)
    root = project.root
    params = project.params.model_copy(update={"ensembles": {"both": Ensemble(members=MEMBERS)}})
    project = replace(project, params=params)
    folder = root / "ensembles" / "both"
    (folder / "members").mkdir(parents=True)
    places = [f"members/{member}" for member in MEMBERS]
    for member, place in zip(MEMBERS, places, strict=True):
        copy_model(root / "models" / member, folder / place)
    save_ensemble(folder, places, "probabilities", [0.5, 0.5], {"strategy": "both"})
    write_json(folder / "weights.json", dict.fromkeys(MEMBERS, 0.5))
    PREDICTIONS.write(PREDICTIONS.read(PREDICTIONS.place(root, "focal")), folder / PREDICTIONS.file)
    metrics = read_json(root / "reports/evaluate/metrics.json")
    write_json(root / "reports/evaluate/metrics.json", metrics | {"both": metrics["focal"]})
    board = read_json(root / "reports/compare/leaderboard.json")
    focal = next(row for row in board["rows"] if row["strategy"] == "focal")
    board["rows"].insert(0, {**focal, "strategy": "both", "members": MEMBERS})
    board["test"]["rows"].append({**board["test"]["rows"][-1], "strategy": "both"})
    write_json(root / "reports/compare/leaderboard.json", board | {"recommended": "both"})
    project.lock()
    lock = YAML(typ="safe").load((root / "dvc.lock").read_text())
    outs = [{"path": "ensembles/both", "hash": "md5", "md5": project.hash("ensembles/both")}]
    lock["stages"]["ensemble@both"] = {"cmd": "x", "outs": outs}
    with (root / "dvc.lock").open("w") as file:
        YAML().dump(lock, file)
    return project


def findings(project: Project) -> Findings:
    outcomes = project.outcomes("Unchanged") | {"ensemble@both": "Unchanged"}
    return Findings(project.root, project.params, outcomes)


def test_an_ensemble_has_a_child_is_registered_and_answers_from_the_registry(project: Project) -> None:
    outcomes = project.outcomes() | {"ensemble@both": "Completed"}
    costs = dict.fromkeys(outcomes, Cost(1.5, 6))
    costs |= {"embed_new@natural": Cost(2.0, 8), "embed_new@oversampled": Cost(3.0)}
    recorded = record(project.root, project.params, outcomes, costs, run_id="first")
    found = children(project, recorded)
    assert set(found) == {"plain", "focal", "oversampled", "both"}
    both = found["both"]
    wanted = {"strategy": "both", "members": '["plain", "oversampled"]', "of": "probabilities"}
    assert wanted.items() <= both.data.params.items()
    assert both.data.tags["role"] == "recommended"
    assert "An ensemble of `plain`, `oversampled`" in both.data.tags["mlflow.note.content"]
    assert both.data.metrics["seconds.ensemble"] == 1.5
    # Two recipes, each balanced and embedded; two members, each trained and audited; and the combining.
    assert both.data.metrics["price.seconds"] == 1.5 + 2.0 + 1.5 + 3.0 + 4 * 1.5 + 1.5
    assert "price.peak_memory" not in both.data.metrics  # that of embedding oversampled is not known
    assert found["plain"].data.metrics["price.peak_memory"] == 8
    shown = files(project, both.info.run_id)
    assert {"train/weights.json", "train/model/MLmodel"} <= shown
    assert not [path for path in shown if path.endswith((".pkl", ".pickle"))]
    assert [one.dataset.name for one in both.inputs.dataset_inputs][:2] == ["natural", "oversampled"]
    assert recorded.decision is not None
    version = client(project).get_model_version_by_alias("solar-cells", "champion")
    assert (version.tags["strategy"], version.tags["gate"]) == ("both", "passed")
    assert version.tags["equipoise.dvc_hash"] == project.hash("ensembles/both")
    photo = project.root / "photo.png"
    Image.new("RGB", (80, 60), (20, 200, 90)).save(photo)
    mlflow.set_tracking_uri(store(project.root))
    table = mlflow.pyfunc.load_model("models:/solar-cells@champion").predict([str(photo)])
    own = choose_model(project.root, "both", project.root)
    model = own.classifier.model
    scores = model.predict(model.inputs([photo])).values[0]
    assert table[[f"score.{label}" for label in sorted(CLASSES)]].to_numpy()[0] == pytest.approx(scores, rel=1e-9)
    with (project.root / "params.yaml").open("w") as file:
        YAML(typ="safe", pure=True).dump(project.params.model_dump(mode="json"), file)
    champion = choose_model(project.root, "champion", project.root)
    assert champion.strategy == "both", "the workspace has its training images"


def test_an_ensemble_is_named_by_its_name_and_by_its_folder(project: Project) -> None:
    assert trained(project.root) == ["both", "focal", "oversampled", "plain"]
    for name in ("both", "recommended", "ensembles/both"):
        assert choose_model(project.root, name, project.root).strategy == "both"
    with pytest.raises(InputError, match="did you mean 'both'"):
        choose_model(project.root, "boths", project.root)


def test_the_card_of_an_ensemble_names_its_members(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Findings, "part_counts", lambda self, part: {"Functional": 3})
    monkeypatch.setattr(Findings, "group_counts", lambda self, part: {"Functional": 3})
    card = describe_model(findings(project), "both")
    assert card["made_of"] == {"members": "plain, oversampled", "of": "probabilities", "weights": "equal"}
    assert card["fits"] == 2
    assert {"data/balanced/natural", "data/balanced/oversampled", "ensembles/both"} <= set(card["hashes"])
    assert "others" not in card["sees"], "both look at the same features"
    text = markdown(card)
    assert "Made by Equipoise: 2 fits, whose probabilities are averaged." in text
