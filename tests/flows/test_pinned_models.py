"""Folders that the parameters pin: a run is planned with the files that they mean, or not at all."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import model_folders
import pytest
from model_folders import SIZE, of_transformers
from PIL import Image
from pipeline_folders import of_stable_diffusion
from ruamel.yaml import YAML

from flows.plan import make_plan
from tasks.errors import InputError
from tasks.model_folders.files import WEIGHTS, digest_of
from tasks.model_folders.trying import refusal
from tasks.params.editing import set_values
from tasks.registry import components

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
  synthesize:
    foreach: ${generators}
    do:
      cmd: echo ${key} > ${key}
      params:
        - generators.${key}
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


def finetuned(digest: str, **settings: Any) -> dict[str, Any]:
    """A strategy that trains the model further."""
    family = {"name": "finetune", "backbone": "none", "network": VIT | {"digest": digest}} | settings
    idle = {"sampler": "natural", "mixing": "none", "schedule": "constant", "posthoc": "none", "loss": "cross_entropy"}
    return {"recipe": "natural", "family": family} | {key: {"name": name} for key, name in idle.items()}


@pytest.mark.parametrize(
    ("section", "item", "words"),
    [
        ("backbones", VIT | {"image_size": 64}, r"backbones\.mine: image_size: .* 64 pixels.*made for, 32"),
        ("pretrain", {"name": "simclr", "network": VIT, "image_size": 64}, r"pretrain\.mine: image_size.*for, 32"),
        ("strategies", {"image_size": 224}, r"strategies\.mine: image_size: .* 224 pixels.*made for, 32"),
        ("strategies", {"frozen": 4}, r"strategies\.mine: frozen: 4, but the network has 3 stages"),
        (
            "strategies",
            {"second_stage": {"name": "balanced_finetuning", "frozen": 4}},
            r"strategies\.mine: frozen: 4, but the network has 3 stages",
        ),
        ("backbones", VIT | {"image_size": 32}, ""),
        ("strategies", {"image_size": 32, "frozen": 3}, ""),
    ],
)
def test_what_a_model_can_not_do_is_refused_when_a_run_is_planned(
    tmp_path: Path, dvc_folder: Path, repository: Path, section: str, item: dict[str, Any], words: str
) -> None:
    """Also what would be found out in the second stage only, when the first one was trained for hours."""
    root = tmp_path / "project"
    digest = digest_of(of_transformers(tmp_path / "same", "ViT"))
    made = {
        "backbones": lambda: item | {"digest": digest},
        "pretrain": lambda: item | {"network": VIT | {"digest": digest}},
        "strategies": lambda: finetuned(digest, **item),
    }[section]()
    project(root, dvc_folder, repository, **{section: {"mine": made}})
    address = {"backbones": "embed", "pretrain": "pretrain", "strategies": "train"}[section]
    (root / "dvc.yaml").write_text(GRAPH.replace("embed", address).replace("backbones", section))
    if words:
        with pytest.raises(InputError, match=words):
            make_plan(root, tidy=False)
    else:
        assert f"{address}@mine" in make_plan(root, tidy=False).stale


def test_a_backbone_that_is_not_written_is_told_before_the_graph_lacks_it(
    tmp_path: Path, dvc_folder: Path, repository: Path
) -> None:
    strategy = finetuned("", network={"name": "resnet"})
    project(tmp_path / "with", dvc_folder, repository, strategies={"mine": strategy})
    make_plan(tmp_path / "with", tidy=False)
    del strategy["family"]["backbone"]
    project(tmp_path / "without", dvc_folder, repository, strategies={"mine": strategy})
    with pytest.raises(InputError, match=r"strategies\.mine\.family\.backbone: missing.*add backbone: none"):
        make_plan(tmp_path / "without", tidy=False)


def test_a_model_that_takes_images_of_any_size_is_taken_as_it_is(tmp_path: Path) -> None:
    for kind in model_folders.EVERY:
        network = components("tasks.train.networks")
        settings = model_folders.made(tmp_path / kind, kind)
        model = network[settings["name"]](**settings)
        assert bool(refusal(model, 64, 0)) == (kind in ("ViT", "vit_tiny_patch16_224")), kind
        assert refusal(model, SIZE, 1) == ""
        assert "stages" in refusal(model, SIZE, 9)


def test_folders_of_generators_are_pinned_as_well(tmp_path: Path, dvc_folder: Path, repository: Path) -> None:
    entries = {
        "drawn": {"name": "folder", "folder": "data/drawn"},
        "varied": {"name": "image_to_image", "folder": "data/tiny", "image_size": 32},
    }
    root = tmp_path / "project"
    project(root, dvc_folder, repository, generators=entries)
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
    root = tmp_path / "project"
    project(root, dvc_folder, repository, generators={"varied": {"name": "inpainting"}})
    with pytest.raises(InputError, match=r"generators\.varied: no checkpoint is named: write folder"):
        make_plan(root, tidy=False)
