"""The card of a model says what the stages found, and what nobody stated is said to be so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tracking_project import CLASSES, COUNTS, HELD_OUT, Project, artifact, client, new_project
from typer.testing import CliRunner

from flows.cli import app
from flows.tracking.findings import Findings
from flows.tracking.model_card import describe_model, markdown, write_card
from flows.wording import interval
from tasks.errors import InputError
from tasks.params import Params

HEADINGS = [  # of Mitchell et al. 2019
    "Model Details",
    "Intended Use",
    "Factors",
    "Metrics",
    "Evaluation Data",
    "Training Data",
    "Quantitative Analyses",
    "Ethical Considerations",
    "Caveats and Recommendations",
]


@pytest.fixture
def project(tmp_path: Path, tracking_store: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    return new_project(tmp_path / "workspace", tracking_store)


def released(project: Project, **stated: str) -> Findings:
    told = project.params.model_dump(mode="json") | {"release": stated}
    project.params = Params.model_validate(told)
    return project.findings()


def test_it_has_the_nine_sections_and_the_figures_of_the_stages(project: Project) -> None:
    stated = {"license": "CC BY 4.0", "sources": "our *own* camera", "intended_use": "sorting cells"}
    findings = released(project, **stated)
    card = describe_model(findings, "focal")
    text = markdown(card)
    assert [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")] == HEADINGS
    assert {name: one["train"] for name, one in card["classes"].items()} == COUNTS
    assert {one["test"] for one in card["classes"].values()} == {HELD_OUT}
    for label in CLASSES:
        count = COUNTS[label]
        assert f"| {label} | {count} | {count} | {count} | {HELD_OUT} |" in text
        assert f"| {label} | {interval(project.metrics('focal')[f'recall.{label}'])} |" in text
    assert "**helps**: +.031 [+.011, +.052] balanced accuracy against plain" in text
    recall = {name: project.metrics(name)["recall.Ungültig"]["value"] for name in ("focal", "plain")}
    assert f"Ungültig: recall {recall['focal']:.3f}, that of plain {recall['plain']:.3f}" in text
    assert interval(project.metrics("focal")["expected_calibration_error"]) in text
    assert "On the held-out images the gain is confirmed." in text
    assert "Audit: no new images." in text
    assert "CC BY 4.0" in text
    assert "our \\*own\\* camera" in text
    assert "Intended: sorting cells" in text
    assert "64 x 64 pixels" in text
    assert project.hash("models/focal") in text


def test_what_nobody_stated_is_said_to_be_not_stated(project: Project) -> None:
    text = markdown(describe_model(released(project), "plain"))
    for name in ("license", "sources", "intended_use", "out_of_scope"):
        assert f"Not stated (`release.{name}` in params.yaml)" in text
    assert "This is the **baseline**" in text
    assert "It is not the recommended model; that is focal." in text
    others = markdown(describe_model(project.findings(), "oversampled"))
    assert "Its held-out images were not looked at." in others
    assert "can't tell: a rise of 0.02" in others


def test_names_from_data_stay_names(project: Project) -> None:
    findings = project.findings()
    card = json.loads(json.dumps(describe_model(findings, "focal")).replace("Functional", "<b>#1|x</b>"))
    text = markdown(card)
    assert "<b>" not in text
    assert "&lt;b&gt;\\#1\\|x&lt;/b&gt;" in text


def test_it_is_written_for_people_and_for_programs_and_kept_with_the_registered_version(
    project: Project, tmp_path: Path
) -> None:
    card = describe_model(project.findings(), "focal")
    beside = write_card(card, tmp_path / "card.md")
    assert json.loads(beside.read_text(encoding="utf-8")) == json.loads(json.dumps(card))
    project.record()
    version = client(project).get_model_version("solar-cells", "1")
    kept = artifact(project, version.run_id, "judged/model-card.json")
    assert kept["classes"] == card["classes"]
    listed = {one.path for one in client(project).list_artifacts(version.run_id, "judged")}
    assert "judged/model-card.md" in listed


def test_a_json_file_that_belongs_to_no_card_is_not_written_over(project: Project, tmp_path: Path) -> None:
    card = describe_model(project.findings(), "focal")
    (tmp_path / "notes.json").write_text("mine")
    with pytest.raises(InputError, match="stands there already"):
        write_card(card, tmp_path / "notes.md")
    assert (tmp_path / "notes.json").read_text() == "mine"
    assert not (tmp_path / "notes.md").exists()
    assert write_card(card, tmp_path / "card.md") == write_card(card, tmp_path / "card.md"), "one's own is"


def test_a_strategy_that_was_not_judged_has_no_card(project: Project) -> None:
    assert project.findings().chosen("") == "focal"
    with pytest.raises(InputError, match=r"no strategy 'fokal' \(did you mean 'focal'\?\)"):
        project.findings().chosen("fokal")


def test_a_place_where_no_card_should_be_is_refused_before_anything_is_looked_at(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("params.yaml", "dvc.yaml"):
        (tmp_path / name).write_bytes((repository / name).read_bytes())
    (tmp_path / "data" / "raw").mkdir(parents=True)
    (tmp_path / "folder.md").mkdir()
    monkeypatch.chdir(tmp_path)
    for name, told in (
        ("data/raw/card.md", "whose version it would change"),
        ("folder.md", "is a folder"),
        ("a", ".md"),
    ):
        done = CliRunner().invoke(app, ["model-card", "--to", name])
        assert isinstance(done.exception, InputError)
        assert told in str(done.exception)
    assert not list((tmp_path / "data" / "raw").iterdir())
