"""Explanations: heat maps held against an independent computation, and what the page says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from networks import CLASSES, Colours, head, model, photos
from PIL import Image

from tasks.calibration import Calibration
from tasks.errors import InputError
from tasks.explain.explanation import explain
from tasks.explain.grad_cam import grad_cam, over_image
from tasks.explain.picture import picture
from tasks.explain.report import page
from tasks.goals.recall_at_precision import RecallAtPrecision
from tasks.network import network_of
from tasks.rules import Rule
from tasks.train.families.head import FittedHead, Head
from tasks.train.models import Model
from tasks.train.nearest import Reference
from tasks.train.posthoc.none import Unchanged

NOTHING = None


def test_of_a_linear_head_a_map_is_what_each_place_adds_to_the_score() -> None:
    """Zhou et al. 2016: the maps weighed by the class's weights; here by NumPy, standardisation and seeds by hand."""
    made = model(seeds=2)
    pixels = np.random.default_rng(1).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    normalised = (pixels.astype(float) - Colours.mean) / np.array(Colours.deviation)
    maps = normalised.reshape(4, 8, 4, 8, 3).mean(axis=(1, 3))
    weights = np.mean([head(seed).arrays["weight0"] / head(seed).arrays["deviation"] for seed in range(2)], axis=0)
    for code in range(3):
        expected = np.maximum((maps * weights[code]).sum(axis=-1) / 16, 0)
        found = grad_cam(network_of(made, "mine", "explained"), pixels, [code])[0]
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("marks", [{}, {"log_scale": 1.5}, {"log_scale": 1.5, "sigmoids": 1.0}])
def test_with_a_hidden_layer_the_weights_of_maps_are_differences_of_the_score(marks: dict[str, float]) -> None:
    made = model(seeds=1, hidden=6, marks=marks)
    network = network_of(made, "mine", "explained").double()
    pixels = np.random.default_rng(2).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    maps = network.maps(network.seen(torch.from_numpy(pixels)[None]).double())
    step = 1e-6
    slopes = []
    for channel in range(3):
        moved = maps.clone()
        moved[:, channel] += step
        slopes.append(((network.of_maps(moved) - network.of_maps(maps))[0, 1] / step / 16).item())
    expected = np.maximum(np.einsum("c,cyx->yx", slopes, maps[0].numpy()), 0)
    found = grad_cam(network_of(made, "mine", "explained"), pixels, [1])[0]
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def trained_on_red() -> Model:
    """A head fitted by least squares to tell images with a red square from images without."""
    chance = np.random.default_rng(0)
    features, targets = [], []
    for number in range(60):
        pixels = chance.normal(90, 8, (32, 32, 3))
        if number % 2:
            top, left = chance.integers(0, 24, 2)
            pixels[top : top + 8, left : left + 8] = (230, 60, 60)
        features.append((pixels.mean(axis=(0, 1)) - Colours.mean) / np.array(Colours.deviation))
        targets.append(number % 2)
    values = np.array(features)
    mean, deviation = values.mean(axis=0), values.std(axis=0)
    standard = np.column_stack([(values - mean) / deviation, np.ones(60)])
    slope = np.linalg.lstsq(standard, 2.0 * np.array(targets) - 1, rcond=None)[0]
    arrays = {"mean": mean, "deviation": deviation, "weight0": [-slope[:3], slope[:3]], "bias0": [-slope[3], slope[3]]}
    fitted = FittedHead("mine", None, np.full(2, 0.5), {key: np.array(one, np.float32) for key, one in arrays.items()})
    return Model(["plain", "red"], Head(backbone="mine"), Unchanged(), (fitted,), None, Colours(image_size=32), 16)


@pytest.mark.parametrize(("top", "left"), [(0, 0), (8, 16), (24, 24), (16, 0)])
def test_the_map_is_brightest_where_what_tells_the_class_stands(tmp_path: Path, top: int, left: int) -> None:
    pixels = np.random.default_rng(9).normal(90, 8, (64, 128, 3))
    pixels[2 * top : 2 * top + 16, 4 * left : 4 * left + 32] = (230, 60, 60)
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(tmp_path / "a.png")
    (found,) = explain(trained_on_red(), "mine", None, [tmp_path / "a.png"], NOTHING)
    assert found.label == "red"
    assert found.shown == [1, 0]
    heat = over_image(found.cells[0], 128, 64, "squash")
    assert heat.shape == (64, 128)
    inside = heat[2 * top + 6 : 2 * top + 10, 4 * left + 12 : 4 * left + 20].mean()
    outside = heat.copy()
    outside[max(0, 2 * top - 16) : 2 * top + 32, max(0, 4 * left - 32) : 4 * left + 64] = 0
    assert inside > 2 * outside.max()


def test_a_map_of_a_letterboxed_image_lies_where_the_image_lay() -> None:
    cells = np.zeros((4, 4))
    cells[1, 0] = 1.0  # the image is 200 x 100: it filled rows 1 and 2 of the square
    heat = over_image(cells, 200, 100, "letterbox")
    assert heat.shape == (100, 200)
    assert np.unravel_index(heat.argmax(), heat.shape)[0] < 50
    assert np.unravel_index(heat.argmax(), heat.shape)[1] < 50
    assert heat[75:, :].max() < 0.3


def test_scores_before_and_after_each_correction(tmp_path: Path) -> None:
    made = model()
    files = photos(tmp_path, [(40, 50), (30, 30)])
    shares = np.array([0.2, 0.3, 0.5])
    calibration = Calibration(2.0, np.array([0.5, -0.2, -0.3]), 0.02, shares, mix=shares)
    goal = RecallAtPrecision.model_validate({"name": "recall_at_precision", "of": "green", "precision": 0.5})
    rule = Rule(CLASSES, "logit", goal, calibration, -50.0)  # so low that all are taken for green
    for found, scores in zip(
        explain(made, "mine", rule, files, NOTHING), made.predict(made.inputs(files)).values, strict=True
    ):
        np.testing.assert_allclose(found.after, scores)
        np.testing.assert_allclose(found.shift, -1.5 * np.log([0.2, 0.3, 0.5]))
        np.testing.assert_allclose(found.before + found.shift, found.after)
        powers = np.exp(scores / 2 + calibration.offsets)
        np.testing.assert_allclose(found.corrected, 0.02 + 0.94 * powers / powers.sum())
        assert found.label == "green"
        assert found.shown[0] == 1
        assert found.shown[1] == max((0, 2), key=lambda code: powers[code])


def test_the_nearest_training_images_are_those_of_the_smallest_angle() -> None:
    vectors = np.array([[1, 0], [0, 3], [2, 2], [-1, 0], [5, 0.1]], dtype=np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    reference = Reference([f"{number}.png" for number in range(5)], list("abcde"), np.arange(5), vectors / lengths)
    rows, distances = reference.several(np.array([2, 0], np.float32), Path("0.png"), most=3)
    assert [reference.labels[row] for row in rows] == ["e", "c", "b"]
    np.testing.assert_allclose(distances, [1 - 5 / np.hypot(5, 0.1), 1 - np.sqrt(0.5), 1], atol=1e-6)


def test_page_and_picture_show_it_all_and_escape_what_comes_from_data(tmp_path: Path) -> None:
    file = photos(tmp_path, [(40, 70)])[0].rename(tmp_path / "<b>$x$.png")
    evil = "<script>alert(1)</script>"
    made = replace(model(), classes=[evil, "_hidden", "$\\frac$"])
    paths = [str(file), str(tmp_path / "gone.png")]
    reference = Reference(paths, [evil, "_hidden"], np.arange(2), np.ones((2, 3), np.float32) / np.float32(3) ** 0.5)
    (found,) = explain(made, "mine", None, [file], reference)
    png = picture(found)
    text = page(found, png, 16, "")
    assert png.startswith(b"\x89PNG")
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<b>$x$" not in text
    for number in (*found.before, *found.shift, *found.after):
        assert f"{number:+.2f}" in text
    assert "http" not in text.replace("http-equiv", "")
    assert "Adebayo et al. 2018" in text
    assert [one.label for one in found.neighbours] == ["_hidden"]  # not the image itself


def test_an_image_is_no_neighbour_of_itself_by_whatever_path_it_is_named(tmp_path: Path) -> None:
    one, other = photos(tmp_path, [(40, 70), (40, 70)])
    reference = Reference([str(one), str(other)], ["red", "blue"], np.arange(2), np.eye(2, 3, dtype=np.float32))
    (tmp_path / "below").mkdir()
    (tmp_path / "link.png").symlink_to(one)
    for file in (one, tmp_path / "below" / ".." / one.name, tmp_path / "link.png"):
        (found,) = explain(model(), "mine", None, [file], reference)
        assert [near.file for near in found.neighbours] == [other]


def test_a_class_can_be_asked_for_and_others_are_refused(tmp_path: Path) -> None:
    files = photos(tmp_path, [(40, 70)])
    assert explain(model(), "mine", None, files, NOTHING, "red")[0].shown == [2]
    with pytest.raises(InputError, match="--class: there is no class 'rad'"):
        explain(model(), "mine", None, files, NOTHING, "rad")


def test_what_is_no_image_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("no image")
    for path, words in (("a.txt", "can't be read as an image"), ("b.png", "no such file"), (".", "is a folder")):
        with pytest.raises(InputError, match=words):
            explain(model(), "mine", None, [tmp_path / path], NOTHING)
