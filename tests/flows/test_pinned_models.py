"""Folders with models of other libraries: a run is planned with the files that the parameters mean, or not at all."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from model_folders import of_transformers
from ruamel.yaml import YAML

from flows.plan import make_plan
from tasks.errors import InputError
from tasks.model_folders.files import WEIGHTS, digest_of
from tasks.params.editing import set_values

VIT = {"name": "transformers", "folder": "data/vit"}
GRAPH = """
stages:
  embed:
    foreach: ${backbones}
    do:
      cmd: echo ${key} > ${key}
      params:
        - backbones.${key}
      outs:
        - ${key}
"""


def project(root: Path, dvc_folder: Path, repository: Path, **sections: dict[str, Any]) -> Path:
    """A project that names a model in some sections of its parameters; returns the model's folder."""
    shutil.copytree(dvc_folder, root)
    place = of_transformers(root / "data" / "vit", "ViT")
    yaml = YAML()
    params = yaml.load((repository / "params.yaml").read_text())
    for section, items in sections.items():
        params[section] |= items
    with (root / "params.yaml").open("w") as file:
        yaml.dump(params, file)
    (root / "dvc.yaml").write_text(GRAPH)
    return place


def test_another_folder_stops_the_plan_until_its_digest_is_taken(
    tmp_path: Path, dvc_folder: Path, repository: Path
) -> None:
    root = tmp_path / "project"
    place = project(root, dvc_folder, repository, backbones={"vit": VIT | {"image_size": 32}})

    first = digest_of(place)
    with pytest.raises(InputError, match=rf"not pinned.*--set backbones\.vit\.digest={first}`"):
        make_plan(root, tidy=False)
    set_values(root / "params.yaml", [f"backbones.vit.digest={first}"])
    assert "embed@vit" in make_plan(root, tidy=False).stale

    content = bytearray((place / WEIGHTS).read_bytes())
    content[-1] ^= 1
    (place / WEIGHTS).write_bytes(bytes(content))
    with pytest.raises(InputError, match=rf"not those of digest {first}.*digest={digest_of(place)}`"):
        make_plan(root, tidy=False)
    shutil.rmtree(place)
    assert "embed@vit" in make_plan(root, tidy=False).stale


def test_a_network_that_is_pretrained_is_pinned_as_well(tmp_path: Path, dvc_folder: Path, repository: Path) -> None:
    root = tmp_path / "project"
    own = {"own": {"name": "simclr", "network": VIT}}
    digest = digest_of(project(root, dvc_folder, repository, pretrain=own))
    with pytest.raises(InputError, match=rf"not pinned.*--set pretrain\.own\.network\.digest={digest}`"):
        make_plan(root, tidy=False)
