"""Presets: lists of strategies that are written into `params.yaml`, and what somebody wrote there stays."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.errors import InputError
from tasks.params import load_params
from tasks.params.presets import SECTIONS, catalogue, presets, with_preset
from tasks.params.reading import check_params, parse_yaml, plain
from tasks.registry import components

ROOT = Path(__file__).resolve().parent.parent.parent
DEFAULT = (ROOT / "params.yaml").read_text()
FILE = Path("params.yaml")


def read(text: str) -> dict:
    return plain(parse_yaml(text, FILE))


@pytest.mark.parametrize("name", presets())
def test_a_preset_is_what_the_file_then_holds_and_the_file_is_right(name):
    made = with_preset(DEFAULT, name, FILE)
    found = read(made.text)
    assert list(found["strategies"]) == list(presets()[name].strategies)
    assert {one["recipe"] for one in found["strategies"].values()} == set(found["recipes"])
    for section in ("strategies", "recipes"):
        known = catalogue(section).values
        assert found[section] == {key: known[key] for key in found[section]}
    check_params(parse_yaml(made.text, FILE), FILE)
    others = {key: value for key, value in read(DEFAULT).items() if key not in SECTIONS}
    assert {key: found[key] for key in others} == others
    assert not made.kept


def test_the_default_preset_is_the_default_file_and_leads_back_to_it_from_all_others():
    assert with_preset(DEFAULT, "default", FILE).text == DEFAULT
    text = DEFAULT
    for name in [*presets(), "default"]:
        text = with_preset(text, name, FILE).text
    assert text == DEFAULT


def test_all_of_the_catalogue_is_in_all_and_nothing_else():
    arms = {
        name
        for name in presets()["synthesis"].strategies
        if not any(name in one.strategies for one in presets().values() if one.name != "synthesis")
    }
    assert list(presets()["all"].strategies) == [one for one in catalogue("strategies").values if one not in arms]
    for one in presets().values():
        assert one.strategies[0] == "plain"
        assert len(set(one.strategies)) == len(one.strategies)
    used = {one["recipe"] for one in catalogue("strategies").values.values()}
    assert used == set(catalogue("recipes").values)
    generators = {one["synthetic"]["generator"] for one in catalogue("recipes").values.values()}
    assert generators - {"none"} == set(catalogue("generators").values)


def test_all_arms_of_synthesis_add_as_many_rows_but_those_of_its_curve():
    known = catalogue("recipes").values

    def added(name: str) -> int:
        recipe = known[name]
        targets = [recipe[part].get("to", {}).get("more", 0) for part in ("resample", "augment")]
        return sum(targets) + (recipe["synthetic"].get("images") or 0)

    recipes = [catalogue("strategies").values[name]["recipe"] for name in presets()["synthesis"].strategies]
    budgets = {name: added(name) for name in recipes if name != "natural"}
    assert budgets == dict.fromkeys(budgets, 200) | {"synthetic_quarter": 50, "synthetic_half": 100}
    assert catalogue("generators").values["diffusion"]["images"] == 200
    only = [catalogue("strategies").values[name] | {"recipe": ""} for name in presets()["synthesis"].strategies]
    assert [one for one in only if one["posthoc"]["name"] == "none"] == [only[0]] * (len(only) - 1)


@pytest.mark.parametrize(
    ("kind", "but"),
    [
        ("families", []),
        ("losses", ["none", "cost_sensitive"]),  # costs name classes
        ("samplers", []),
        ("mixing", []),
        ("schedules", []),
        ("posthoc", ["temperature", "prior_correction"]),  # move no decision, or are for another place of use
        ("classifiers", []),
        ("detectors", []),
        ("metric_losses", []),
        ("second_stages", ["none", "nearest_class_mean"]),
    ],
)
def test_every_component_of_training_has_a_strategy_in_the_catalogue(kind, but):
    named = set()

    def look(value: object) -> None:
        if isinstance(value, dict):
            named.add(value.get("name"))
            for one in value.values():
                look(one)

    look(catalogue("strategies").values)
    assert set(components(f"tasks.train.{kind}")) - named <= set(but)


def test_what_somebody_wrote_stays_with_its_comments_and_what_it_needs():
    mine = """  # what we used last year
  mine:                     # don't touch
    recipe: ours
    family: {name: head, backbone: efficientnet_lite0, steps: 100}
    loss: {name: cross_entropy}
    sampler: {name: natural}
    mixing: {name: none}
    schedule: {name: constant}
    posthoc: {name: none}
"""
    ours = """  ours:                     # of our own
    resample: {name: oversample, to: {factor: 2}}
    augment: {name: none}
    preset: {name: none}
    mixed: {name: none}
    synthetic: {generator: none}
"""
    text = DEFAULT.replace("recipes:\n", f"recipes:\n{ours}").replace("strategies:\n", f"strategies:\n{mine}")
    text = text.replace("gamma: 2.0, alpha: none}", "gamma: 1.5, alpha: none}")
    quick = with_preset(text, "quick", FILE)
    assert quick.kept == ["mine", "focal"]
    assert mine in quick.text
    assert ours in quick.text
    found = read(quick.text)
    assert list(found["strategies"]) == [*presets()["quick"].strategies, "mine", "focal"]
    assert set(found["recipes"]) == {"natural", "ours"}
    thorough = read(with_preset(text, "thorough", FILE).text)
    assert thorough["strategies"]["focal"]["loss"]["gamma"] == 1.5
    assert list(thorough["strategies"]) == [*presets()["thorough"].strategies, "mine"]


def test_a_backbone_that_something_else_names_stays_when_no_strategy_does():
    text = with_preset(DEFAULT, "all", FILE).text.replace(
        "explore:\n  backbone: efficientnet_lite0", "explore:\n  backbone: hog"
    )
    assert set(read(with_preset(text, "quick", FILE).text)["backbones"]) == {"efficientnet_lite0", "hog"}


def test_windows_line_ends_stay():
    made = with_preset(DEFAULT.replace("\n", "\r\n"), "thorough", FILE).text
    assert made.count("\n") == made.count("\r\n")
    assert made.replace("\r\n", "\n") == with_preset(DEFAULT, "thorough", FILE).text


def test_a_section_on_one_line_is_refused_with_its_line():
    head, _, tail = DEFAULT.partition("backbones:\n")
    rest = tail[tail.index("group:\n") :]
    text = f"{head}backbones: {{efficientnet_lite0: {{name: efficientnet_lite0}}}}\n{rest}"
    line = head.count("\n") + 1
    with pytest.raises(InputError, match=rf"params.yaml:{line}: backbones stands on one line"):
        with_preset(text, "quick", FILE)


def test_what_would_be_wrong_is_refused():
    with pytest.raises(InputError, match=r"no preset 'thorogh'.*did you mean 'thorough'"):
        with_preset(DEFAULT, "thorogh", FILE)
    with pytest.raises(InputError, match=r"(?s)baseline.*params.yaml stays as it was"):
        with_preset(DEFAULT.replace("baseline: plain", "baseline: focal"), "quick", FILE)


def test_the_command_lists_writes_and_tells(tmp_path):
    for name in ("params.yaml", "dvc.yaml"):
        (tmp_path / name).write_text((ROOT / name).read_text())

    def told(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "flows.cli", "preset", *arguments]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment, check=False)

    listed = told()
    assert listed.returncode == 0
    assert all(name in listed.stderr + listed.stdout for name in presets())
    assert (tmp_path / "params.yaml").read_text() == DEFAULT
    written = told("quick")
    assert written.returncode == 0
    assert "4 strategies, each fitted 18 times" in written.stderr + written.stdout
    assert list(load_params(tmp_path / "params.yaml").strategies) == list(presets()["quick"].strategies)
    wrong = told("quik")
    assert wrong.returncode == 2
    assert "did you mean 'quick'?" in wrong.stderr
