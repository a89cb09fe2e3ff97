"""Who becomes champion: the gate's conditions, the champion on the same images, promotion by hand, and the way back."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tracking_project import (
    CLASSES,
    COUNTS,
    HELD_OUT,
    RIGHT,
    STRATEGIES,
    Project,
    artifact,
    client,
    decided,
    images,
    new_project,
    parameters,
)

from flows.tracking import TrackingAway
from flows.tracking.gate import Condition, Decision, decide
from flows.tracking.promoting import go_back, promote
from flows.tracking.registry import Registry
from tasks.errors import InputError
from tasks.promotion.challenge import Challenge
from tasks.statistics.interval import Interval
from tasks.train.loading import load_model

AGAINST = "difference to the champion, version 1 (plain)"


@pytest.fixture
def project(tmp_path: Path, tracking_store: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    return new_project(tmp_path / "workspace", tracking_store)


def champion(project: Project) -> str | None:
    found = Registry(client(project), "solar-cells").champion
    return None if found is None else str(found.version)


def aliases(project: Project) -> dict[str, str]:
    return {name: str(one) for name, one in client(project).get_registered_model("solar-cells").aliases.items()}


def condition(decision: Decision, name: str) -> Condition:
    return next(one for one in decision.conditions if one.condition == name)


def recall(right: float, size: int) -> float:
    """Of a class of so many images, of which `tracking_project.predicted` decides a share rightly."""
    return math.ceil(right * size - 1e-9) / size


def recommend(project: Project, strategy: str, run_id: str = "next") -> Decision:
    """Record a run that recommends a strategy."""
    project.write(recommended=strategy)
    return decided(project, run_id)


def back(project: Project, because: str = "") -> str:
    told = json.dumps(project.params.model_dump(mode="json"))
    (project.root / "params.yaml").write_text(told, encoding="utf-8")
    return go_back(project.root, because)


def test_a_recommended_baseline_is_the_first_champion_and_a_better_strategy_takes_its_place(project: Project) -> None:
    first = recommend(project, "plain", "first")
    assert (first.outcome, first.champion, champion(project)) == ("passed", None, "1")
    second = recommend(project, "focal")
    assert (second.version, second.champion, second.passed) == ("2", "1", True)
    assert aliases(project) == {"champion": "2", "previous": "1"}
    against = condition(second, AGAINST)
    gain = np.mean([recall(RIGHT["focal"], size) - recall(RIGHT["plain"], size) for size in COUNTS.values()])
    assert against.numbers["difference"]["value"] == pytest.approx(gain, abs=1e-6)
    assert against.numbers["difference"]["low"] < gain < against.numbers["difference"]["high"]
    assert (against.numbers["where"], against.numbers["images"]) == ("out of fold", sum(COUNTS.values()))
    guarded = condition(second, "recall of Ungültig").numbers
    wanted = [recall(RIGHT[name], COUNTS["Ungültig"]) for name in ("plain", "focal")]
    assert [guarded["champion"], guarded["challenger"]] == pytest.approx(wanted)


def test_a_recommended_baseline_is_held_back_by_a_better_champion(project: Project) -> None:
    recommend(project, "focal", "first")
    second = recommend(project, "plain")
    assert (second.outcome, champion(project)) == ("held back", "1")
    assert not condition(second, "difference to the champion, version 1 (focal)").held
    assert condition(second, "gain over the baseline").held


def test_the_decision_is_kept_with_its_numbers_with_the_run_the_version_and_its_files(project: Project) -> None:
    recommend(project, "plain", "first")
    decision = recommend(project, "focal", "second")
    recorded = project.record("second")
    assert recorded.decision == decision
    kept = artifact(project, recorded.parent_run_id, "gate.json")
    assert (kept["outcome"], kept["reason"]) == ("passed", decision.reason)
    version = client(project).get_model_version("solar-cells", "2")
    assert artifact(project, version.run_id, "gate.json") == kept
    assert (version.tags["gate"], version.tags["gate_reason"]) == ("passed", decision.reason)
    for one in decision.conditions:
        assert one.condition in version.description.replace("\\", "")
    note = client(project).get_run(recorded.parent_run_id).data.tags["mlflow.note.content"]
    assert version.description in note


def asked(project: Project, challenge: Challenge | None = None, **gate: Any) -> dict[str, bool]:
    """Which conditions hold for focal under other settings of the gate."""
    settings = parameters(STRATEGIES, **gate).track.gate
    told = None if challenge is None else "version 1 (plain)"
    return {one.condition: one.held for one in decide(project.findings().about("focal"), settings, told, challenge)}


@pytest.mark.parametrize(("reached", "guessed", "holds"), [(0.6, 0.5, True), (0.5, 0.5, False), (-0.03, 0.0, False)])
def test_a_model_that_one_may_as_well_not_ask_never_becomes_champion(
    project: Project, reached: float, guessed: float, holds: bool
) -> None:
    about = project.findings().about("focal")
    assert about["guessed"] == 1 / len(about["recall"])
    about |= {"reached": {"value": reached, "low": reached - 0.1, "high": reached + 0.1}, "guessed": guessed}
    settings = parameters(STRATEGIES).track.gate
    held = {one.condition: one.held for one in decide(about, settings, None, None)}
    assert held["use at all"] == holds
    assert all(held.values()) == holds
    del about["reached"]
    assert all(one.held for one in decide(about, settings, None, None)), "of an earlier version nothing is known"


@pytest.mark.parametrize(
    ("rule", "difference", "holds"),
    [
        ("proved", (0.05, 0.01, 0.09), True),
        ("proved", (0.05, 0.0, 0.1), False),
        ("expected", (0.05, -0.1, 0.2), True),
        ("expected", (0.0, -0.1, 0.1), False),
        ("not_worse", (-0.05, -0.1, 0.0), True),
        ("not_worse", (-0.05, -0.09, -0.01), False),
    ],
)
def test_how_the_difference_to_the_champion_must_stand(
    project: Project, rule: str, difference: tuple[float, float, float], holds: bool
) -> None:
    challenge = Challenge("out of fold", 100, "0", Interval(*difference), (0.5, 0.5), (0.5, 0.5), "")
    assert asked(project, challenge, over_champion=rule)[AGAINST] == holds


def test_the_rule_of_the_parameters_is_asked_when_a_run_is_recorded(project: Project) -> None:
    project.right = {**RIGHT, "focal": 0.58}  # a gain of a few images: not proved
    recommend(project, "plain", "first")
    project.params = parameters(STRATEGIES, over_champion="proved")
    assert not recommend(project, "focal").passed
    project.params = parameters(STRATEGIES)
    assert recommend(project, "focal", "again").passed


@pytest.mark.parametrize(("guard", "passes"), [(True, False), (False, True)])
def test_the_guarded_class_must_not_pay_for_the_gain(project: Project, guard: bool, passes: bool) -> None:
    project.right = {**RIGHT, "focal": {"Functional": 1.0, "likely defective": 1.0, "Ungültig": 0.4}}
    recommend(project, "plain", "first")
    project.params = parameters(STRATEGIES, guard=guard)
    decision = recommend(project, "focal")
    assert condition(decision, AGAINST).held
    assert condition(decision, "recall of Ungültig").held == passes
    assert champion(project) == ("2" if passes else "1")
    if not passes:
        before, after = (recall(share, COUNTS["Ungültig"]) for share in (RIGHT["plain"], 0.4))
        assert f"from {before:.3f} to {after:.3f}" in decision.reason


@pytest.mark.parametrize(
    ("gate", "outcome", "held"),
    [
        ({}, "shortcut found", False),
        ({}, "can't tell", True),
        ({"audit": "certain"}, "can't tell", False),
        ({"audit": "certain"}, "not audited", False),
        ({"audit": "certain"}, "no shortcut", True),
        ({"audit": "any"}, "shortcut found", True),
    ],
)
def test_what_the_audit_must_say(project: Project, gate: dict[str, Any], outcome: str, held: bool) -> None:
    project.audit = outcome
    project.write()
    assert asked(project, **gate)["audit"] == held


def test_a_calibration_error_above_the_limit_holds_back(project: Project) -> None:
    error = project.metrics("focal")["expected_calibration_error"]["value"]
    for limit, holds in ((error - 0.001, False), (error, True)):
        assert asked(project, max_calibration_error=limit)["calibration error"] == holds


def test_one_goes_back_again_and_again_and_no_run_undoes_that(project: Project) -> None:
    recommend(project, "plain", "first")
    recommend(project, "focal", "second")
    promote(project.findings(), "oversampled", "we want to see it")
    assert aliases(project) == {"champion": "3", "previous": "2"}
    assert "version 2 (focal) is champion again" in back(project, "worse at night")
    assert aliases(project) == {"champion": "2", "previous": "1"}
    assert "version 1 (plain) is champion again" in back(project)
    assert aliases(project) == {"champion": "1"}
    with pytest.raises(InputError, match="version 1 is the first champion"):
        back(project)
    again = recommend(project, "focal", "third")
    assert (again.passed, champion(project)) == (False, "1")
    assert "someone went back from it" in again.reason
    assert promote(project.findings(), "focal").passed
    assert aliases(project) == {"champion": "2", "previous": "1"}
    events = Registry(client(project), "solar-cells").events()
    assert [(one.version, one.how) for one in events] == [
        ("1", "gate"),
        ("2", "gate"),
        ("3", "forced"),
        ("2", "back"),
        ("1", "back"),
        ("2", "asked"),
    ]
    assert [one.because for one in events[2:4]] == ["we want to see it", "worse at night"]
    told = client(project).get_registered_model("solar-cells").description
    assert told.index("asked") < told.index("worse at night") < told.index("we want to see it")


def test_what_is_kept_of_many_changes_fits_into_every_database_of_mlflow(project: Project) -> None:
    """PostgreSQL and MySQL refuse texts of more characters than MLflow's columns have; SQLite takes any."""
    from mlflow.store.model_registry.dbmodels.models import SqlModelVersion, SqlRegisteredModel, SqlRegisteredModelTag

    recommend(project, "plain", "first")
    reason = "it is <wanted> & needed; " * 40
    promote(project.findings(), "oversampled", reason)
    for _ in range(8):
        promote(project.findings(), "1", reason)
        promote(project.findings(), "2", reason)
    with pytest.raises(InputError, match="--because: 1,001 characters"):
        promote(project.findings(), "1", "x" * 1001)
    with pytest.raises(InputError, match="--because: 1,001 characters"):
        back(project, "x" * 1001)
    model, version = (client(project).get_registered_model("solar-cells"), client(project).get_model_version)
    assert "version 2" in model.description
    assert len(model.description) <= SqlRegisteredModel.description.type.length
    assert max(map(len, model.tags.values())) <= SqlRegisteredModelTag.value.type.length
    assert len(version("solar-cells", "2").description) <= SqlModelVersion.description.type.length
    assert len(Registry(client(project), "solar-cells").events()) == 18


def test_an_alias_that_was_moved_by_hand_and_a_version_that_was_deleted_are_no_obstacle(project: Project) -> None:
    recommend(project, "plain", "first")
    recommend(project, "focal", "second")
    promote(project.findings(), "oversampled", "a trial")
    client(project).set_registered_model_alias("solar-cells", "champion", "1")
    assert Registry(client(project), "solar-cells").line() == ["1", "2", "3", "1"]
    client(project).delete_model_version("solar-cells", "3")
    assert "version 2 (focal)" in back(project)


def test_promotion_by_hand_asks_the_gate_and_only_a_reason_goes_against_it(project: Project) -> None:
    recommend(project, "plain", "first")
    held = promote(project.findings(), "oversampled")
    assert (held.passed, held.version, champion(project)) == (False, "2", "1")
    assert client(project).get_model_version("solar-cells", "2").tags["gate"] == "held back"
    forced = promote(project.findings(), "2", "the | customer <wants> it")
    assert (forced.outcome, champion(project)) == ("forced", "2")
    assert client(project).get_model_version("solar-cells", "2").tags["gate"] == "forced"
    assert "the \\| customer &lt;wants&gt; it" in client(project).get_registered_model("solar-cells").description
    assert "champion already" in promote(project.findings(), "2").reason
    best = promote(project.findings(), "focal")
    assert (best.outcome, best.champion, champion(project)) == ("passed", "2", "3")


def test_a_model_that_is_not_there_is_told_with_those_that_are(project: Project) -> None:
    recommend(project, "plain", "first")
    with pytest.raises(InputError, match=r"'fokal' \(did you mean 'focal'\?\); strategies are .*MLflow 1"):
        promote(project.findings(), "fokal")
    with pytest.raises(InputError, match="no strategy and no version '7'"):
        promote(project.findings(), "7")


def renew(project: Project) -> None:
    """Make every model another one, as training on other images does."""
    for name in STRATEGIES:
        path = project.root / "models" / name / "history.csv"
        path.write_text(path.read_text() + "9,0,1,0.5\n")
    project.lock()


def test_models_that_know_other_classes_are_not_compared(project: Project) -> None:
    recommend(project, "plain", "first")
    project.images = {name: one for name, one in project.images.items() if one[1] != "likely defective"}
    project.write(recommended="focal")
    renew(project)
    decision = decided(project, "second")
    assert (decision.passed, champion(project)) == (False, "1")
    assert "only the champion knows likely defective" in decision.reason
    assert promote(project.findings(), "focal", "a class less").passed


def change_images(project: Project, keep: dict[str, tuple[str, str]]) -> None:
    """New training images; of the old ones those of `keep` stand where they are told to; all models are others."""
    new = {name: one for name, one in images(" of the second version").items() if one[0] == "train"}
    project.images = new | keep
    project.write(recommended="focal")
    project.draw()
    renew(project)


def test_after_the_images_have_changed_both_are_judged_on_images_that_neither_has_learnt_from(project: Project) -> None:
    recommend(project, "plain", "first")
    old = load_model(project.root / "models/plain")
    test_part = {name: one for name, one in images().items() if one[0] == "test"}
    learnt = {f"train {label} 0": ("test", label) for label in CLASSES}
    change_images(project, test_part | learnt)
    against = condition(decided(project, "second"), AGAINST).numbers
    assert (against["where"], against["images"]) == ("held out", 3 * HELD_OUT)  # without those that plain learnt from
    recalls = []
    for label in CLASSES:
        photos = [project.root / f"data/raw/{label}/test {label} {number}.png" for number in range(HELD_OUT)]
        decisions = old.predict_each(old.inputs(photos)).decisions
        recalls.append((decisions == old.classes.index(label)).mean())
    # Of the whole test part `predicted` decides a share rightly, the first of each class by name.
    hits = math.ceil(RIGHT["focal"] * (HELD_OUT + 1)) / HELD_OUT
    gain = np.mean([hits - reached for reached in recalls])
    assert against["difference"]["value"] == pytest.approx(gain, abs=1e-5)
    looks = [json.loads(line) for line in (project.root / ".equipoise/test_looks.jsonl").read_text().splitlines()]
    assert [look["strategy"] for look in looks] == ["plain", "focal"]
    assert looks[0]["value"] == pytest.approx(np.mean(recalls), abs=1e-5)


def test_images_that_joined_and_left_leave_those_that_both_models_were_judged_on_out_of_fold(project: Project) -> None:
    recommend(project, "plain", "first")
    old = {name: one for name, one in images().items() if one[0] == "train" and not name.endswith(" 3")}
    change_images(project, old)
    against = condition(decided(project, "second"), AGAINST).numbers
    assert (against["where"], against["images"]) == ("those that both know, out of fold", len(old))
    gains = []
    for label in CLASSES:
        names = sorted(name for name, one in project.images.items() if one == ("train", label))
        before = sorted(name for name, one in images().items() if one == ("train", label))
        hits = [
            {name for place, name in enumerate(listed) if place < RIGHT[strategy] * len(listed)}
            for listed, strategy in ((before, "plain"), (names, "focal"))
        ]
        common = [name for name in old if old[name][1] == label]
        gains.append(np.mean([(name in hits[1]) - (name in hits[0]) for name in common]))
    assert against["difference"]["value"] == pytest.approx(np.mean(gains), abs=1e-6)
    assert not (project.root / ".equipoise/test_looks.jsonl").exists()


def test_too_few_images_that_neither_has_learnt_from_are_told_and_not_looked_at(project: Project) -> None:
    recommend(project, "plain", "first")
    few = {f"test {label} {number}": ("test", label) for label in CLASSES for number in range(9)}
    change_images(project, few)
    decision = decided(project, "second")
    assert (decision.passed, champion(project)) == (False, "1")
    found = condition(decision, AGAINST).found
    assert "the images have changed" in found
    assert "9 of Ungültig" in found
    assert "equipoise promote --force" in found
    assert not (project.root / ".equipoise/test_looks.jsonl").exists()


def test_a_champion_of_an_earlier_version_of_equipoise_gives_way_only_by_force(project: Project) -> None:
    recommend(project, "focal", "first")
    run = client(project).create_run("1")
    client(project).create_model_version("solar-cells", "x", run.info.run_id, tags={"strategy": "old"})
    client(project).set_registered_model_alias("solar-cells", "champion", "2")
    decision = promote(project.findings(), "focal")
    assert not decision.passed
    assert "version 2 keeps no record of how it was judged" in decision.reason
    assert condition(promote(project.findings(), "2"), "champion").held  # it is champion already
    assert promote(project.findings(), "focal", "the old one can't be judged").passed
    unknown = condition(promote(project.findings(), "2"), "record of how it was judged")
    assert not unknown.held
    assert aliases(project) == {"champion": "1", "previous": "2"}


def test_a_server_that_is_away_is_told_and_nothing_has_changed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://someone:secret@127.0.0.1:9")
    with pytest.raises(TrackingAway, match="nothing has changed") as caught:
        promote(project.findings(), "focal")
    assert "secret" not in str(caught.value)
    assert "equipoise track" not in str(caught.value)
