"""Models of transformers and timm as frozen backbones."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import model_folders
import numpy as np
import pytest
import torch
from model_folders import DEVIATION, EVERY, MEAN, SIZE, TINY
from networks import CLASSES, head
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from pydantic import TypeAdapter

from tasks.decoding import squared
from tasks.errors import InputError
from tasks.explain.grad_cam import grad_cam
from tasks.export_model import export_onnx
from tasks.features.backbones import Backbone
from tasks.features.embedding import about, embed
from tasks.features.folder_backbone import FolderBackbone
from tasks.features.stored import embed_stored
from tasks.model_folders.files import WEIGHTS, digest_of
from tasks.network import network_of
from tasks.registry import components
from tasks.train.families.head import FittedHead, Head
from tasks.train.loading import load_model
from tasks.train.models import Model, save_model
from tasks.train.posthoc.none import Unchanged
from tasks.workspace import STATE, Workspace

every = pytest.mark.parametrize("kind", EVERY)


def backbone_of(settings: dict[str, Any], **others: Any) -> FolderBackbone:
    made: FolderBackbone = components("tasks.features.backbones")[settings["name"]](
        **settings | {"image_size": SIZE, "batch_size": 4} | others
    )
    return made


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("folders")


def settings_in(folders: Path, kind: str) -> dict[str, Any]:
    place = folders / kind
    if not place.exists():
        return model_folders.made(place, kind)
    return {"name": "transformers" if kind in TINY else "timm", "folder": str(place), "digest": digest_of(place)}


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Images of several modes and sizes."""
    folder, rng, files = tmp_path_factory.mktemp("images"), np.random.default_rng(0), []
    for number in range(10):
        image = Image.fromarray(rng.integers(0, 256, (20 + number, 30, 3), dtype=np.uint8))
        files.append(folder / f"{number}.png")
        image.convert(("RGB", "L", "RGBA", "P", "1")[number % 5]).save(files[-1])
    return files


@every
def test_features_are_the_mean_of_what_the_library_says_of_each_place(
    folders: Path, kind: str, paths: list[Path]
) -> None:
    backbone = backbone_of(settings_in(folders, kind))
    found = embed(paths, backbone, 16, workers=1)
    assert found.shape == (10, backbone.dimensions)
    pixels = np.stack([np.asarray(squared(Image.open(file).convert("RGB"), SIZE, "squash")) for file in paths[:2]])
    shown = torch.tensor((pixels / 255 - MEAN) / DEVIATION, dtype=torch.float32).permute(0, 3, 1, 2)
    with torch.inference_mode():
        if kind in TINY:
            import transformers

            last = transformers.AutoModel.from_pretrained(folders / kind).eval()(shown).last_hidden_state
            extra = {"ViT": 1, "Dinov2": 1}.get(kind, 0)
        else:
            import timm

            model = timm.create_model(f"local-dir:{folders / kind}", pretrained=True).eval()
            last, extra = model.forward_features(shown), getattr(model, "num_prefix_tokens", 0)
    expected = last.mean((2, 3)) if last.ndim == 4 else last[:, extra:].mean(1)
    assert_allclose(found[:2], expected.numpy(), rtol=1e-3, atol=1e-4)
    assert_allclose(about(backbone)["preprocessing"]["mean"], np.array(MEAN) * 255)


@every
def test_a_vector_depends_on_no_neighbour_and_no_number_of_workers(folders: Path, kind: str, paths: list[Path]) -> None:
    backbone = backbone_of(settings_in(folders, kind))
    found = embed(paths, backbone, 16, workers=1)
    assert_array_equal(embed(paths[4:5], backbone, 16, workers=1)[0], found[4])
    if kind == "ViT":
        assert_array_equal(embed(paths, backbone, 16, workers=2), found)


def model_on(backbone: FolderBackbone, fold: int | None = None) -> Model:
    """A head of chance on its features."""
    size, chance = backbone.dimensions, np.random.default_rng(0)
    arrays = {"mean": np.zeros(size), "deviation": np.ones(size)}
    arrays |= {"weight0": chance.normal(size=(3, size)), "bias0": np.zeros(3)}
    fitted = FittedHead("mine", fold, head().prior, {name: one.astype(np.float32) for name, one in arrays.items()})
    return Model(CLASSES, Head(backbone="mine"), Unchanged(), (fitted,), fold, backbone, 16)


@every
def test_a_saved_model_predicts_without_the_folder(folders: Path, kind: str, paths: list[Path], tmp_path: Path) -> None:
    settings = settings_in(folders, kind)
    place = tmp_path / "moved"
    shutil.copytree(settings["folder"], place)
    (place / "pytorch_model.bin").write_bytes(b"never copied")
    backbone = backbone_of(settings | {"folder": str(place)})
    model = model_on(backbone)
    save_model(model, tmp_path / "model", {})
    save_model(model_on(backbone, 1), tmp_path / "fold", {})
    expected = model.predict(model.inputs(paths)).values
    shutil.rmtree(place)
    again = load_model(tmp_path / "model")
    assert_array_equal(again.predict(again.inputs(paths)).values, expected)
    assert {file.suffix for file in (tmp_path / "model").rglob("*.*")} == {".json", ".safetensors"}
    save_model(again, tmp_path / "second", {})
    save_model(load_model(tmp_path / "second"), tmp_path / "third", {})
    third = load_model(tmp_path / "third")
    assert_array_equal(third.predict(third.inputs(paths)).values, expected)
    of_fold = load_model(tmp_path / "fold")
    with pytest.raises(InputError, match="there is no folder"):
        of_fold.predict(of_fold.inputs(paths))


@every
def test_a_head_on_it_is_exported_and_explained(folders: Path, kind: str, paths: list[Path], tmp_path: Path) -> None:
    backbone = backbone_of(settings_in(folders, kind))
    model = model_on(backbone)
    parity = export_onnx(model, "mine", None, paths[:3], tmp_path / "m.onnx")
    assert parity.labels == 0
    assert parity.scores < 1e-3
    pixels = np.asarray(Image.open(paths[0]).convert("RGB"))
    assert grad_cam(network_of(model, "mine", "explained"), pixels, [0]).shape[0] == 1


def test_other_weights_are_noticed_and_never_mixed_with_known_vectors(
    folders: Path, paths: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "vit"
    shutil.copytree(settings_in(folders, "ViT")["folder"], place)
    settings = {"name": "transformers", "folder": str(place), "digest": digest_of(place)}
    keys, workspace = [file.name for file in paths], Workspace(tmp_path)
    first = embed_stored(workspace, backbone_of(settings), keys, paths, 16)
    assert_array_equal(embed_stored(workspace, backbone_of(settings), keys, paths, 16), first)
    assert "10 of 10 known from earlier runs" in capsys.readouterr().out

    content = bytearray((place / WEIGHTS).read_bytes())
    content[-8:] = np.array([1, -1], dtype=np.float32).tobytes()
    (place / WEIGHTS).write_bytes(bytes(content))
    with pytest.raises(InputError, match="not those of digest"):
        backbone_of(settings).load()
    second = embed_stored(workspace, backbone_of(settings | {"digest": digest_of(place)}), keys, paths, 16)
    assert "known from earlier runs" not in capsys.readouterr().out
    assert second.shape == first.shape
    stores = [one.name for one in (tmp_path / STATE / "rows").iterdir()]
    assert len(stores) == 2


def test_a_model_of_the_hub_is_its_commit(folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache as huggingface_hub lays it out, filled beforehand: no network is asked."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    settings, commit = settings_in(folders, "ViT"), "ab" * 20
    snapshot = tmp_path / "models--someone--tiny" / "snapshots" / commit
    shutil.copytree(settings["folder"], snapshot)
    backbone = backbone_of({"name": "transformers", "hub": "someone/tiny", "revision": commit})
    images = torch.rand(1, 3, SIZE, SIZE)
    assert torch.equal(backbone.load()(images), backbone_of(settings).load()(images))
    away = backbone_of({"name": "transformers", "hub": "someone/tiny", "revision": "cd" * 20})
    with pytest.raises(InputError, match="hub: someone/tiny at cdcdcdcdcd is not here yet, and HF_HUB_OFFLINE forbids"):
        away.load()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"folder": "a", "hub": "b/c", "revision": "ab" * 20}, "both folder and hub"),
        ({"hub": "b/c"}, "revision: what stands at the hub can change"),
        ({"hub": "b/c", "revision": "main"}, "should match pattern"),
        ({"folder": "a", "revision": "ab" * 20}, "a folder is pinned by digest"),
        ({"hub": "b/c", "revision": "ab" * 20, "digest": "ab" * 16}, "a folder is pinned by digest"),
    ],
)
def test_a_model_has_one_place_and_is_pinned(settings: dict[str, str], words: str) -> None:
    known: Any = TypeAdapter(components("tasks.features.backbones")["transformers"])
    with pytest.raises(ValueError, match=words):
        known.validate_python({"name": "transformers"} | settings)
    assert isinstance(known.validate_python({"folder": "a"}), Backbone)
