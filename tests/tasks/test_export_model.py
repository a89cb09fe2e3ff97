"""ONNX files: the same answers as the model, by onnxruntime alone."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from networks import CLASSES, Blind, Colours, head, model, photos
from PIL import Image

from tasks import export_model
from tasks.calibration import Calibration
from tasks.decoding import squared
from tasks.errors import InputError
from tasks.export_model import example, export_onnx
from tasks.features.backbones.efficientnet_lite0 import EfficientNetLite0
from tasks.goals.balanced_accuracy import BalancedAccuracy
from tasks.goals.expected_cost import ExpectedCost
from tasks.goals.recall_at_precision import RecallAtPrecision
from tasks.rules import Rule
from tasks.squaring import Squared
from tasks.statistics.scaling import unit_vectors
from tasks.train.families.classical import Classical
from tasks.train.families.head import FittedHead, Head
from tasks.train.families.similarity import FittedSimilarity, Similarity
from tasks.train.models import Model
from tasks.train.posthoc.none import Unchanged
from tasks.train.posthoc.temperature import Temperature

SHAPES = [(50, 40), (40, 50), (32, 32), (20, 90), (200, 30), (300, 280)]
CALIBRATION = Calibration(
    1.7, np.array([0.4, 0.3, -0.7]), 0.01, shares=np.array([0.2, 0.3, 0.5]), mix=np.array([0.3, 0.6, 0.1])
)
COSTS = {"blue": {"red": 9.0, "green": 1.0}, "green": {"blue": 1.0, "red": 4.0}, "red": {"blue": 1.0, "green": 2.0}}


def session(file: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])


def answers(file: Path, image: Path, copies: int = 1) -> dict[str, np.ndarray]:
    pixels = np.asarray(Image.open(image).convert("RGB"))
    run = session(file)
    names = [one.name for one in run.get_outputs()]
    return dict(zip(names, run.run(None, {"images": np.stack([pixels] * copies)}), strict=True))


@pytest.mark.parametrize("resize", ["squash", "letterbox"])
@pytest.mark.parametrize(
    ("hidden", "marks"), [(0, {}), (4, {}), (0, {"log_scale": 1.5}), (4, {"log_scale": 1.5, "sigmoids": 1.0})]
)
def test_an_exported_model_answers_as_the_model_does(
    tmp_path: Path, resize: str, hidden: int, marks: dict[str, float]
) -> None:
    made = model(Colours(image_size=32, resize=resize), hidden=hidden, marks=marks)
    files = photos(tmp_path, SHAPES)
    parity = export_onnx(made, "mine", None, files, tmp_path / "m.onnx")
    assert parity.images == 6
    assert parity.labels == 0
    assert parity.scores < 1e-5
    assert parity.probabilities is not None
    assert parity.probabilities < 1e-5
    expected = made.predict(made.inputs(files)).values
    for file, scores in zip(files, expected, strict=True):
        found = answers(tmp_path / "m.onnx", file, copies=3)
        assert list(found) == ["scores", "probabilities", "label"]
        powers = np.exp(scores - scores.max())
        np.testing.assert_allclose(found["scores"], [scores] * 3, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(found["probabilities"], [powers / powers.sum()] * 3, atol=1e-5)
        assert found["label"].tolist() == [scores.argmax()] * 3


@pytest.mark.parametrize(
    ("goal", "cutoff"),
    [
        (BalancedAccuracy(), None),
        (ExpectedCost.model_validate({"name": "expected_cost", "cost": COSTS}), None),
        (RecallAtPrecision.model_validate({"name": "recall_at_precision", "of": "blue", "precision": 0.5}), -0.8),
    ],
    ids=["largest", "costs", "cutoff"],
)
def test_probabilities_and_decisions_are_those_of_the_rule(tmp_path: Path, goal: object, cutoff: float | None) -> None:
    made, rule = model(), Rule(CLASSES, "logit", goal, CALIBRATION, cutoff)  # type: ignore[arg-type]
    files = photos(tmp_path, SHAPES)
    export_onnx(made, "mine", rule, files, tmp_path / "m.onnx")
    expected = made.predict(made.inputs(files)).values
    for file, scores in zip(files, expected, strict=True):
        found = answers(tmp_path / "m.onnx", file)
        np.testing.assert_allclose(found["probabilities"][0], rule.probabilities(scores), atol=1e-5)
        assert found["label"][0] == rule.decide(scores)


@pytest.mark.parametrize("decide", ["class_means", "nearest"])
def test_a_similarity_is_exported_with_how_it_decides(tmp_path: Path, decide: str) -> None:
    chance = np.random.default_rng(3)
    arrays = {"mean": (3,), "deviation": (3,), "hidden_weight": (4, 3), "hidden_bias": (4,), "weight": (2, 4)}
    made = {name: chance.uniform(0.5, 2, size=shape).astype(np.float32) for name, shape in arrays.items()}
    family = Similarity(backbone="mine", dimensions=2, hidden=4, decide=decide, neighbours=2)
    units = unit_vectors(chance.normal(size=(8, 2)))
    fitted = FittedSimilarity(family, None, np.full(3, 1 / 3), made).with_known(units, np.array([5, 2, 1]))
    similarity = Model(CLASSES, family, Unchanged(), (fitted,), None, Colours(image_size=32), 16)
    assert export_onnx(similarity, "mine", None, photos(tmp_path, SHAPES), tmp_path / "m.onnx").images == 6


def test_the_file_says_what_it_is(tmp_path: Path) -> None:
    made, rule = model(), Rule(CLASSES, "logit", BalancedAccuracy(), CALIBRATION, None)
    export_onnx(made, "mine", rule, photos(tmp_path, SHAPES[:1]), tmp_path / "m.onnx")
    facts = session(tmp_path / "m.onnx").get_modelmeta().custom_metadata_map
    assert json.loads(facts["classes"]) == CLASSES
    assert (facts["kind"], facts["goal"], facts["strategy"], facts["resize"]) == (
        "logit",
        "balanced_accuracy",
        "mine",
        "squash",
    )
    assert json.loads(facts["image_size"]) == 32
    shapes = {one.name: one.shape for one in session(tmp_path / "m.onnx").get_inputs()}
    assert shapes == {"images": ["images", "height", "width", 3]}


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    files = photos(tmp_path, SHAPES[:1])
    for name in ("a", "b"):
        export_onnx(model(), "mine", None, files, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_the_example_runs_without_equipoise(tmp_path: Path) -> None:
    made, files = model(), photos(tmp_path, SHAPES)
    export_onnx(made, "mine", None, files, tmp_path / "m.onnx")
    code = example(made, str(tmp_path / "m.onnx"), str(files[1]))
    assert len(code.strip().splitlines()) == 10
    (tmp_path / "example.py").write_text(code)
    told = subprocess.run([sys.executable, "example.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
    expected = made.predict(made.inputs(files[1:2]))
    assert told.stdout.split()[0] == CLASSES[int(expected.decisions[0])]


def test_the_example_is_that_of_the_documents(repository: Path) -> None:
    text = (repository / "docs" / "export-model.md").read_text(encoding="utf-8")
    assert example(model(), "logit_adjusted.onnx") in text


def test_a_file_that_answers_otherwise_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = photos(tmp_path, SHAPES)

    class Other(FittedHead):
        def module(self) -> object:
            return head(9).module()

    wrong = Other("mine", None, head().prior, head().arrays)
    made = Model(CLASSES, Head(backbone="mine"), Unchanged(), (wrong,), None, Colours(image_size=32), 16)
    (tmp_path / "m.onnx").write_bytes(b"before")
    with pytest.raises(InputError, match="does not answer as the model does"):
        export_onnx(made, "mine", None, files, tmp_path / "m.onnx")
    assert (tmp_path / "m.onnx").read_bytes() == b"before"
    assert {file.name for file in tmp_path.iterdir()} == {"m.onnx", *(file.name for file in files)}


def test_files_that_the_example_opens_otherwise_are_counted(tmp_path: Path) -> None:
    files = photos(tmp_path, SHAPES[:2])
    Image.fromarray(np.full((30, 30), 4000, np.uint16)).save(tmp_path / "deep.png")
    made = model()
    parity = export_onnx(made, "mine", None, [*files, tmp_path / "deep.png"], tmp_path / "m.onnx")
    assert parity.otherwise == 1


def test_what_is_no_network_is_refused_and_what_could_be_is_named(tmp_path: Path) -> None:
    files = photos(tmp_path, SHAPES[:1])
    forest = Classical(backbone="mine")
    fits = (forest_fit(),)
    made = Model(CLASSES, forest, Unchanged(), fits, None, Colours(image_size=32), 16)
    with pytest.raises(
        InputError, match=r"family 'classical' is no network.* finetune, head, nearest_class_mean and similarity can"
    ):
        export_onnx(made, "mine", None, files, tmp_path / "m.onnx")
    with pytest.raises(InputError, match="backbone 'blind' does not show its network"):
        export_onnx(model(Blind(image_size=32)), "mine", None, files, tmp_path / "m.onnx")
    with pytest.raises(InputError, match="bfloat16"):
        export_onnx(model(Colours(image_size=32, precision="bfloat16")), "mine", None, files, tmp_path / "m.onnx")
    assert not (tmp_path / "m.onnx").exists()


def forest_fit() -> object:
    from tasks.train.families.classical import FittedClassifier

    return FittedClassifier("mine", None, np.full(3, 1 / 3), Classical().classifier, None)


def test_missing_packages_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_model, "find_spec", lambda name: None if name == "onnxruntime" else True)
    with pytest.raises(InputError, match=r"^onnxruntime must be .* pip install 'equipoise\[onnx\]'"):
        export_model.require_packages()


@pytest.mark.slow
def test_the_default_backbone_is_exported_with_its_features(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    arrays = {
        "mean": chance.normal(0.2, 0.1, 1280),
        "deviation": chance.uniform(0.2, 1, 1280),
        "lowest": chance.uniform(-1, 0, 1280),
        "highest": chance.uniform(0, 1, 1280),
        "weight0": chance.normal(0, 0.03, (3, 1280)),
        "bias0": np.zeros(3),
    }
    arrays["deviation"][5] = np.inf
    fitted = FittedHead("mine", None, np.full(3, 1 / 3), {key: one.astype(np.float32) for key, one in arrays.items()})
    shown = EfficientNetLite0(image_size=64)
    made = Model(CLASSES, Head(backbone="mine"), Unchanged(), (fitted,), None, shown, 16)
    parity = export_onnx(made, "mine", None, photos(tmp_path, SHAPES), tmp_path / "m.onnx")
    assert parity.probabilities is not None
    assert parity.probabilities < 1e-5
    assert onnx.load(tmp_path / "m.onnx").producer_name == "equipoise"
    assert (tmp_path / "m.onnx").stat().st_size < 20e6


@pytest.mark.parametrize("resize", ["squash", "letterbox"])
@pytest.mark.parametrize("size", [32, 56])
def test_every_pixel_that_an_exported_network_sees_is_that_of_pillow(size: int, resize: str) -> None:
    made = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Squared(size, resize).eval(),
            (torch.zeros((2, 48, 40, 3), dtype=torch.uint8),),
            made,
            dynamo=False,
            input_names=["images"],
            dynamic_axes={"images": {0: "images", 1: "height", 2: "width"}},
            opset_version=export_model.OPSET,
        )
    run = onnxruntime.InferenceSession(made.getvalue(), providers=["CPUExecutionProvider"])
    chance = np.random.default_rng(5)
    for _ in range(60):
        height, width = (int(side) for side in chance.integers(1, 400, 2))
        pixels = chance.integers(0, 256, (height, width, 3), dtype=np.uint8)
        expected = np.asarray(squared(Image.fromarray(pixels), size, resize))
        found = run.run(None, {"images": pixels[None]})[0][0].transpose(1, 2, 0)
        np.testing.assert_array_equal(found, expected, err_msg=f"{height} x {width}")


@pytest.mark.parametrize("steepness", [1.0, 0.25])
def test_seeds_that_vote_and_a_temperature_are_exported_as_the_model_has_them(tmp_path, steepness):
    one = model(seeds=3)
    rule = one.posthoc if steepness == 1 else Temperature(temperature=1 / steepness)
    one = replace(one, vote="probabilities", posthoc=rule)
    images = photos(tmp_path, SHAPES)
    parity = export_onnx(one, "mine", None, images, tmp_path / "model.onnx")
    assert parity.scores < 1e-5
    assert parity.labels == 0
    apart = replace(one, vote=None)
    assert np.abs(apart.predict(apart.inputs(images)).values - one.predict(one.inputs(images)).values).max() > 1e-3
