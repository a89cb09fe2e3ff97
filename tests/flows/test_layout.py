"""A workspace of the previous layout is recognised, and the way out of it works."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from flows.layout import previous_layout_signs, require_present_layout
from flows.plan import make_plan
from tasks.errors import InputError

PARAMS = {
    "backbones": {"small": {"name": "resnet20"}},
    "recipes": {"natural": {}, "grown": {}, "focal": {}},
    "strategies": {"plain": {"recipe": "natural"}, "focal": {"recipe": "focal"}},
}
GRAPH = {
    "stages": {
        "ingest": {"cmd": "python3 -m tasks ingest"},
        "embed": {"foreach": "${backbones}", "do": {"cmd": "python3 -m tasks embed ${key}"}},
    }
}
FOLDERS = ("data/features/small", "data/features_new/grown", "reports/audit/plain", "reports/audit/focal")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace of the present layout."""
    write(tmp_path)
    for folder in FOLDERS:
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "data/features/small/features.npy").write_bytes(b"")
    return tmp_path


def write(root: Path, params: dict | None = None, graph: dict | None = None) -> None:
    (root / "params.yaml").write_text(yaml.safe_dump(PARAMS | (params or {})))
    (root / "dvc.yaml").write_text(yaml.safe_dump(graph or GRAPH))


def age(root: Path, kind: str) -> None:
    """Give the workspace one thing of the previous layout."""
    if kind == "section":
        write(root, params={"embed": {"backbone": "efficientnet_lite0"}})
    elif kind == "stage":
        write(root, graph={"stages": {"embed": {"cmd": "python3 -m tasks embed"}}})
    elif kind == "features":
        (root / "data/features/features.npy").write_bytes(b"")
    elif kind == "audit":
        (root / "reports/audit/grown").mkdir()


SIGNS = {
    "section": "params.yaml has a section `embed`",
    "stage": "dvc.yaml has a stage `embed` without",
    "features": "data/features/features.npy lies directly",
    "audit": "audits of recipes stand there: reports/audit/grown",
}


def test_the_present_layout_has_no_signs(workspace):
    assert previous_layout_signs(workspace) == []
    require_present_layout(workspace)


def test_an_empty_folder_and_files_that_are_no_yaml_have_no_signs(tmp_path):
    assert previous_layout_signs(tmp_path) == []
    (tmp_path / "params.yaml").write_text("a: [")
    (tmp_path / "dvc.yaml").write_bytes(b"\xff\xfe")
    assert previous_layout_signs(tmp_path) == []
    (tmp_path / "params.yaml").write_text("- embed\n")
    (tmp_path / "dvc.yaml").write_text("stages: [embed]\n")
    assert previous_layout_signs(tmp_path) == []


@pytest.mark.parametrize("kind", SIGNS)
def test_each_sign_is_named_and_the_steps_are_told(workspace, kind):
    age(workspace, kind)
    signs = previous_layout_signs(workspace)
    assert len(signs) == 1
    assert SIGNS[kind] in signs[0]
    with pytest.raises(InputError) as refused:
        require_present_layout(workspace)
    message = str(refused.value)
    assert signs[0] in message
    steps = [line for line in message.splitlines() if line.lstrip()[:1].isdigit()]
    for step, words in zip(steps, ("params.yaml", "dvc.yaml", "data/features", "equipoise run"), strict=True):
        assert words in step
    assert "Releases stay usable" in message


def test_parameters_of_the_flat_form_are_told_in_the_new_form_beside_the_steps(workspace):
    flat = {"embed": {"image_size": 64}, "strategies": {"plain": {"recipe": "natural", "family": "head"}}}
    (workspace / "params.yaml").write_text(yaml.safe_dump(flat))
    with pytest.raises(InputError) as refused:
        make_plan(workspace)
    steps, _, sections = str(refused.value).partition("params.yaml: this is the flat form")
    assert "4. equipoise run" in steps
    assert yaml.safe_load(sections.partition("\n\n")[2])["backbones"] == {
        "efficientnet_lite0": {"name": "efficientnet_lite0", "image_size": 64}
    }


def test_all_signs_are_told_at_once(workspace):
    write(workspace, {"embed": {}}, {"stages": {"embed": {"cmd": "python3 -m tasks embed"}}})
    for kind in ("features", "audit"):
        age(workspace, kind)
    assert len(previous_layout_signs(workspace)) == 4


def test_whoever_follows_the_steps_has_the_present_layout(workspace):
    for kind in SIGNS:
        age(workspace, kind)
    write(workspace)
    for folder in ("data/features", "data/features_new", "reports/audit"):
        shutil.rmtree(workspace / folder)
    assert previous_layout_signs(workspace) == []
