"""Folders that the parameters pin: a run is planned with the files that they mean, or not at all."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from model_folders import of_transformers
from PIL import Image
from pipeline_folders import of_stable_diffusion
from ruamel.yaml import YAML

from flows.plan import make_plan
from tasks.errors import InputError
from tasks.model_folders.files import WEIGHTS, digest_of
from tasks.params.editing import set_values

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
  synthesize:
    foreach: ${generators}
    do:
      cmd: echo ${key} > ${key}
      params:
        - generators.${key}
      outs:
        - ${key}
"""


def project(root: Path, dvc_folder: Path, repository: Path, **sections: dict[str, dict[str, Any]]) -> Path:
    """A workspace with further entries in some sections of its parameters."""
    shutil.copytree(dvc_folder, root)
    yaml = YAML()
    params = yaml.load((repository / "params.yaml").read_text())
    for section, more in sections.items():
        params[section].update(more)
    with (root / "params.yaml").open("w") as file:
        yaml.dump(params, file)
    (root / "dvc.yaml").write_text(GRAPH)
    return root


def test_another_folder_stops_the_plan_until_its_digest_is_taken(
    tmp_path: Path, dvc_folder: Path, repository: Path
) -> None:
    entry = {"vit": {"name": "transformers", "folder": "data/vit", "image_size": 32}}
    root = project(tmp_path / "project", dvc_folder, repository, backbones=entry)
    place = of_transformers(root / "data" / "vit", "ViT")

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


def test_folders_of_generators_are_pinned_as_well(tmp_path: Path, dvc_folder: Path, repository: Path) -> None:
    entries = {
        "drawn": {"name": "folder", "folder": "data/drawn"},
        "varied": {"name": "image_to_image", "folder": "data/tiny", "image_size": 32},
    }
    root = project(tmp_path / "project", dvc_folder, repository, generators=entries)
    of_stable_diffusion(root / "data" / "tiny")
    (root / "data" / "drawn" / "cat").mkdir(parents=True)
    Image.new("L", (8, 8)).save(root / "data" / "drawn" / "cat" / "1.png")
    for name in entries:
        with pytest.raises(InputError, match=rf"generators\.{name}: .*not pinned") as error:
            make_plan(root, tidy=False)
        set_values(root / "params.yaml", [str(error.value).partition("--set ")[2].rstrip("`")])
    assert {"synthesize@drawn", "synthesize@varied"} <= set(make_plan(root, tidy=False).stale)
    (root / "data" / "drawn" / "cat" / "2.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(InputError, match=r"the files of the images in .* are not those of digest"):
        make_plan(root, tidy=False)


def test_a_generator_that_names_no_folder_is_a_mistake_in_the_parameters(
    tmp_path: Path, dvc_folder: Path, repository: Path
) -> None:
    root = project(tmp_path / "project", dvc_folder, repository, generators={"varied": {"name": "inpainting"}})
    with pytest.raises(InputError, match=r"generators\.varied: no checkpoint is named: write folder"):
        make_plan(root, tidy=False)
