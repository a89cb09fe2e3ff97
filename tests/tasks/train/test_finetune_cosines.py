"""Whole networks whose last layer is one of cosines, and the loss that needs one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from image_fits import COUNTS, TINY, fit_of, fitted, inputs_of, picture, rows_of, saved
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from tasks.explain.grad_cam import grad_cam
from tasks.export_model import export_onnx
from tasks.network import network_of
from tasks.train.families.finetune import Finetune, FittedNetwork
from tasks.train.finetuning.training import Training
from tasks.train.finetuning.whole import new_network
from tasks.train.last_layer import LastLayer
from tasks.train.losses.ldam import Ldam
from tasks.train.losses.weighted_cross_entropy import WeightedCrossEntropy
from tasks.train.models import Model
from tasks.train.networks.resnet import ResNet
from tasks.train.posthoc.none import Unchanged
from tasks.train.schedules.deferred import Deferred

COSINES: dict[str, Any] = {"classifier": "cosine", "scale": 30.0}


def scores_of(made: FittedNetwork) -> np.ndarray:
    return made.predict(inputs_of(rows_of((4, 4, 4), first=500))).values


@pytest.mark.parametrize("scale", [None, 30.0])
def test_scores_are_cosines_times_the_scale_and_what_a_blind_model_says(scale: float | None) -> None:
    made = fitted(classifier="cosine", scale=scale, epochs=3)
    pixels = np.stack([picture(code, 500 + number) for code in range(3) for number in range(4)])
    with torch.inference_mode():
        maps = made.module()[0](torch.from_numpy(pixels)).double().numpy()
    factor = np.exp(made.state["scores.2.log_scale"].item())
    assert (factor == pytest.approx(30)) == (scale == 30.0)
    for features, found in zip(maps.mean((2, 3)), scores_of(made), strict=True):
        for code, weight in enumerate(made.state["scores.2.weight"].double().numpy()):
            cosine = features @ weight / np.linalg.norm(features) / np.linalg.norm(weight)
            assert_allclose(found[code], factor * cosine + np.log(COUNTS[code] / 60), rtol=1e-3, atol=1e-3)


def test_directions_start_at_length_1_and_biases_at_what_is_asked() -> None:
    start = np.log([0.7, 0.2, 0.1])
    last = LastLayer.model_validate(COSINES)
    made = new_network(ResNet(depth=8), start, (np.zeros(3), np.ones(3)), 0, last)
    assert_allclose(made.scores[-1].weight.detach().norm(dim=1).numpy(), 1, rtol=1e-6)
    assert_allclose(made.scores[-1].bias.numpy(), start, rtol=1e-6)


def test_biases_are_not_learnt_and_follow_the_phases() -> None:
    weighted = {"loss": WeightedCrossEntropy(), "schedule": Deferred(start=0.4)}
    made = fitted(fit_of(**weighted), classifier="cosine")
    assert_allclose(made.state["scores.2.bias"].numpy(), np.log(1 / 3), rtol=1e-5)
    assert_allclose(
        fitted(classifier="cosine").state["scores.2.bias"].numpy(), np.log(np.array(COUNTS) / 60), rtol=1e-5
    )


def test_margins_with_deferred_weights_as_their_authors_have_them(tmp_path: Path) -> None:
    """LDAM-DRW: it learns, leaves no biases, and a fit that goes on ends with the same bytes."""
    components = {"loss": Ldam(weights="effective_number"), "schedule": Deferred(start=0.8)}
    made = fitted(fit_of(**components), **COSINES)
    rows = rows_of((20, 20, 20), first=1000)
    assert (made.predict(inputs_of(rows)).values.argmax(1) == rows.first).mean() > 0.9
    assert_array_equal(made.state["scores.2.bias"].numpy(), np.zeros(3))
    assert_allclose(made.prior, 1 / 3)
    begun = Training(Finetune(**TINY | COSINES), fit_of(folder=tmp_path / "fit", **components))
    for number, _ in enumerate(begun.run(), start=1):
        if number == 10:
            break
    again = fitted(replace(fit_of(**components), folder=tmp_path / "fit"), **COSINES)
    assert saved(again, tmp_path / "again") == saved(made, tmp_path / "made")


def test_half_precision_leaves_cosines_as_they_are() -> None:
    """A cosine times 30, as bfloat16, would be off by up to a sixteenth: here only the features are."""
    from tasks.train.finetuning.cosines import Cosines

    layer = Cosines(64, 5, 30.0, is_fixed=True)
    features = torch.rand(20, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = layer(features)
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.equal(layer(features), expected)
    made = fitted(fit_of(loss=Ldam()), **COSINES, precision="bfloat16")
    assert np.isfinite(scores_of(made)).all()


def test_saved_and_loaded_it_gives_the_same_scores(tmp_path: Path) -> None:
    made = fitted(epochs=2, **COSINES)
    saved(made, tmp_path / "model")
    again = made.family.load(tmp_path / "model", made.prior, None)
    assert_array_equal(scores_of(again), scores_of(made))


def test_it_is_exported_and_explained(tmp_path: Path) -> None:
    made = fitted(epochs=2, **COSINES)
    model = Model(["blue", "green", "red"], made.family, Unchanged(), (made,), None, None, 16)
    files = []
    for code in range(3):
        files.append(tmp_path / f"{code}.png")
        Image.fromarray(picture(code, 700, 40)).save(files[-1])
    parity = export_onnx(model, "mine", None, files, tmp_path / "m.onnx")
    assert parity.labels == 0
    assert parity.scores < 1e-4
    assert grad_cam(network_of(model, "mine", "explained"), np.asarray(Image.open(files[0])), [0]).shape == (1, 4, 4)
