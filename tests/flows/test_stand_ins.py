"""Components of other packages under DVC: a stand-in for each, which changes when the package's version does."""

from __future__ import annotations

import shutil
import sys
from contextlib import chdir
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from flows.graph_file import CODE
from flows.plan import make_plan
from flows.repository import open_repo
from flows.stand_ins import write_stand_ins
from tasks.params import load_params
from tasks.params.models import Params, Strategy
from tasks.registry import components, installed_components

LOSS = """
from typing import Literal
from tasks.train.losses import Loss

class Halved(Loss):
    "Half of nothing."
    name: Literal["halved"] = "halved"

    def unweighted(self, logits, targets, counts):
        return 0 * logits[:, 0]
"""
GRAPH = """
stages:
  train:
    foreach: ${strategies}
    do:
      cmd: mkdir -p models && echo ${key} > models/${key}
      params:
        - strategies.${key}
      deps:
        - tasks/train/losses/${item.loss.name}.py
      outs:
        - models/${key}
"""


def look_again() -> None:
    for cached in (installed_components, components):
        cached.cache_clear()
    for model in (Strategy, Params):
        model.model_rebuild(force=True)


def of_version(site: Path, version: str) -> None:
    """The package as pip leaves it."""
    for old in site.glob("*.dist-info"):
        shutil.rmtree(old)
    info = site / f"halving-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: halving\nVersion: {version}\n")
    (info / "entry_points.txt").write_text("[equipoise.losses]\nhalved = outside_halved:Halved\n")
    look_again()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "outside_halved.py").write_text(LOSS)
    with monkeypatch.context() as patch:
        patch.syspath_prepend(folder)
        of_version(folder, "1.0")
        yield folder
    sys.modules.pop("outside_halved", None)
    look_again()


@pytest.fixture
def project(tmp_path: Path, dvc_folder: Path, repository: Path) -> Path:
    """A project with two strategies, one of them with a loss of another package."""
    root = tmp_path / "project"
    shutil.copytree(dvc_folder, root)
    yaml = YAML()
    params = yaml.load((repository / "params.yaml").read_text())
    plain = params["strategies"]["plain"]
    params["strategies"] = {"plain": plain, "halved": dict(plain) | {"loss": {"name": "halved"}}}
    with (root / "params.yaml").open("w") as file:
        yaml.dump(params, file)
    (root / "dvc.yaml").write_text(GRAPH)
    shutil.copytree(repository / "tasks/train/losses", root / "tasks/train/losses")
    return root


def reproduced(root: Path) -> list[str]:
    with chdir(root), open_repo(root) as repo:
        return [stage.addressing for stage in repo.reproduce()]


def test_dvc_runs_a_strategy_of_an_outside_component_and_again_with_another_version(site, project):
    stand_in = project / "tasks/train/losses/halved.py"
    assert write_stand_ins(project, load_params(project / "params.yaml")) == [stand_in]
    assert "halving 1.0" in stand_in.read_text()
    assert reproduced(project) == ["train@plain", "train@halved"]
    assert write_stand_ins(project, load_params(project / "params.yaml")) == []
    assert reproduced(project) == []
    of_version(site, "1.1")
    assert write_stand_ins(project, load_params(project / "params.yaml")) == [stand_in]
    assert reproduced(project) == ["train@halved"]


def test_in_a_workspace_that_shares_the_code_it_stands_among_the_others(site, project):
    shutil.rmtree(project / "tasks")
    (project / "dvc.yaml").write_text(GRAPH.replace("- tasks/", f"- {CODE}/tasks/"))
    stand_in = project / CODE / "tasks/train/losses/halved.py"
    assert stand_in in write_stand_ins(project, load_params(project / "params.yaml"))
    assert reproduced(project) == ["train@plain", "train@halved"]
    of_version(site, "1.1")
    assert write_stand_ins(project, load_params(project / "params.yaml")) == [stand_in]
    assert reproduced(project) == ["train@halved"]
    assert not (project / "tasks").exists()


def test_who_only_asks_what_is_stale_is_told_of_another_version(site, project):
    write_stand_ins(project, load_params(project / "params.yaml"))
    reproduced(project)
    assert make_plan(project, tidy=False).stale == {}
    of_version(site, "1.1")
    assert make_plan(project, tidy=False).stale == {"train@halved": ["tasks/train/losses/halved.py modified"]}


def test_a_stand_in_is_no_component_of_its_own(site, monkeypatch, tmp_path):
    package = tmp_path / "kind_with_stand_in"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "halved.py").write_text('"""Stands for the component halved."""\n')
    monkeypatch.syspath_prepend(tmp_path)
    info = next(site.glob("*.dist-info"))
    (info / "entry_points.txt").write_text("[equipoise.kind_with_stand_in]\nhalved = outside_halved:Halved\n")
    look_again()
    assert components("kind_with_stand_in")["halved"].__module__ == "outside_halved"
    (info / "entry_points.txt").write_text("")  # the package is gone, its stand-in is not
    look_again()
    assert components("kind_with_stand_in") == {}


def test_components_of_the_project_itself_need_none(repository, tmp_path):
    assert write_stand_ins(tmp_path, load_params(repository / "params.yaml")) == []
    assert list(tmp_path.iterdir()) == []
