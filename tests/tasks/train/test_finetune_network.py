"""A fine-tuned network after training: exported, explained, saved as a strategy's model and used on files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from image_fits import COUNTS, fit_of, fitted, picture
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from tasks.decoding import squared
from tasks.errors import InputError
from tasks.explain.explanation import explain
from tasks.explain.grad_cam import grad_cam
from tasks.explain.picture import picture as picture_of
from tasks.export_model import export_onnx
from tasks.network import network_of
from tasks.train.families.finetune import Finetune, FittedNetwork
from tasks.train.loading import load_model, packages_of_model
from tasks.train.models import Model, save_model
from tasks.train.posthoc.logit_adjustment import LogitAdjustment

CLASSES = ["blue", "green", "red"]


@pytest.fixture(scope="module", params=["squash", "letterbox"])
def model(request: pytest.FixtureRequest) -> Model:
    """Two seeds of a ResNet-8, fitted on 60 pictures."""
    settings = {"resize": request.param, "epochs": 4}
    made = tuple(fitted(fit_of(COUNTS, seed), **settings) for seed in range(2))
    family = made[0].family
    assert isinstance(family, Finetune)
    return Model(CLASSES, family, LogitAdjustment(tau=0.5), made, None, None, 16)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Photos of many shapes."""
    found = []
    for number, (height, width) in enumerate([(50, 40), (16, 16), (20, 90), (200, 30), (9, 12)]):
        found.append(tmp_path / f"{number}.png")
        Image.fromarray(picture(number % 3, 500 + number, 32)).resize((width, height)).save(found[-1])
    return found


def by_hand(model: Model, file: Path) -> np.ndarray:
    """Scores of one file, with Pillow's resize and the network's layers one by one."""
    pixels = np.asarray(squared(Image.open(file).convert("RGB"), 16, model.family.resize), dtype=np.float32)
    found = []
    for fit in model.fits:
        shown = torch.tensor(pixels).permute(2, 0, 1)[None] - fit.state["mean"][:, None, None]
        maps = fit.module()[0][1](shown / fit.state["deviation"][:, None, None])
        found.append((maps.mean((2, 3)) @ fit.state["scores.2.weight"].T + fit.state["scores.2.bias"]).numpy()[0])
    return np.mean(found, axis=0) - 0.5 * np.log(np.array(COUNTS) / 60)


def test_files_are_predicted_as_the_layers_say(model: Model, files: list[Path]) -> None:
    scores = model.predict(model.inputs(files)).values
    assert_allclose(scores, [by_hand(model, file) for file in files], rtol=1e-4, atol=1e-5)


def test_saved_and_loaded_it_gives_the_same_scores(model: Model, files: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "model"
    save_model(model, folder, {})
    again = load_model(folder)
    assert_array_equal(again.predict(again.inputs(files)).values, model.predict(model.inputs(files)).values)
    assert again.family == model.family
    assert {"torch", "safetensors"} <= set(packages_of_model(folder))
    for file in folder.rglob("*.*"):
        assert file.suffix in (".json", ".safetensors")
        assert b"\x80\x04\x95" not in file.read_bytes()


def test_it_is_exported_with_its_resize(model: Model, files: list[Path], tmp_path: Path) -> None:
    parity = export_onnx(model, "mine", None, files, tmp_path / "m.onnx")
    assert parity.labels == 0
    assert parity.scores < 1e-5
    run = onnxruntime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    facts = run.get_modelmeta().custom_metadata_map
    assert json.loads(facts["image_size"]) == 16
    assert facts["resize"] == model.family.resize
    for file in files:
        pixels = np.asarray(Image.open(file).convert("RGB"))
        scores = run.run(["scores"], {"images": np.stack([pixels, pixels])})[0]
        assert_allclose(scores, [by_hand(model, file)] * 2, rtol=1e-4, atol=1e-4)


def test_a_map_is_what_each_place_adds_to_the_score_of_all_seeds(model: Model, files: list[Path]) -> None:
    """Zhou et al. 2016, since scores are linear in averaged maps; here by NumPy, seed by seed."""
    network = network_of(model, "mine", "explained")
    pixels = np.asarray(Image.open(files[0]).convert("RGB"))
    for code in range(3):
        expected = 0.0
        for fit in model.fits:
            maps = fit.module()[0](torch.from_numpy(pixels.copy())[None])[0].numpy()
            expected += np.einsum("c,cyx->yx", fit.state["scores.2.weight"][code].numpy(), maps) / maps[0].size / 2
        found = grad_cam(network, pixels, [code])[0]
        assert found.shape == (4, 4)
        assert_allclose(found, np.maximum(expected, 0), rtol=1e-3, atol=1e-5)


def test_a_decision_is_explained_without_features(model: Model, files: list[Path]) -> None:
    for file, found in zip(files, explain(model, "mine", None, files, None), strict=True):
        assert found.label == CLASSES[int(by_hand(model, file).argmax())]
        assert found.neighbours == []
        assert found.resize == model.family.resize
        assert picture_of(found).startswith(b"\x89PNG")


class Closed(FittedNetwork):
    """Shows a network, but not where its maps end."""

    def module(self) -> torch.nn.Sequential:
        return torch.nn.Sequential(super().module())


def test_a_network_that_does_not_show_its_maps_is_not_explained(model: Model, files: list[Path]) -> None:
    closed = tuple(Closed(fit.family, fit.prior, fit.state, {}) for fit in model.fits)
    with pytest.raises(InputError, match="mine: its model does not show the maps of its network"):
        explain(replace(model, fits=closed), "mine", None, files, None)


@pytest.mark.slow
def test_the_pretrained_network_is_exported_as_it_was_trained(files: list[Path], tmp_path: Path) -> None:
    settings = {"network": {"name": "efficientnet_lite0"}, "image_size": 64, "epochs": 1, "learning_rate": 0.01}
    made = fitted(fit_of((6, 6, 4)), settings | {"frozen": 5})
    whole = Model(CLASSES, made.family, LogitAdjustment(tau=0.5), (made,), None, None, 16)
    parity = export_onnx(whole, "mine", None, files, tmp_path / "m.onnx")
    assert parity.labels == 0
    assert parity.scores < 1e-4
    assert grad_cam(network_of(whole, "mine", "explained"), np.asarray(Image.open(files[0])), [0]).shape == (1, 2, 2)
