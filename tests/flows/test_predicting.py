"""`equipoise predict`: a trained strategy's scores for images that no stage has seen."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from flows.cli import app
from flows.predicting import chosen_strategy, harmless, image_files, predict
from tasks.errors import InputError
from tasks.features import embedding
from tasks.features.backbones.efficientnet_lite0 import EfficientNetLite0
from tasks.features.embedding import embed
from tasks.train.families.nearest_class_mean import NearestClassMean, NearestMeans
from tasks.train.loading import load_model, packages_of_model
from tasks.train.models import Model, save_model
from tasks.train.posthoc.none import Unchanged
from tasks.train.predicting import predicted

CLASSES = ["dark", "light"]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Path:
    """A workspace with one trained strategy, which tells dark images from light ones, and a leaderboard."""
    root = tmp_path_factory.mktemp("trained")
    backbone = EfficientNetLite0(image_size=32)
    files = []
    for label, level in (("dark", 30), ("light", 220)):
        files.append(root / f"{label}.png")
        Image.new("L", (20, 20), level).save(files[-1])
    vectors = embed(files, backbone, 16, workers=1)
    centre = vectors.mean(axis=0)
    means = (vectors - centre) / np.linalg.norm(vectors - centre, axis=1, keepdims=True)
    family = NearestClassMean(backbone="mine")
    fitted = NearestMeans("mine", None, np.full(2, 0.5), {"centre": centre, "means": 10 * means})
    folder = root / "models" / "tiny"
    folder.mkdir(parents=True)
    save_model(Model(CLASSES, family, Unchanged(), (fitted,), None, backbone, 16), folder, {})
    board = root / "reports" / "compare" / "leaderboard.json"
    board.parent.mkdir(parents=True)
    board.write_text(json.dumps({"recommended": "tiny"}))
    for name in ("params.yaml", "dvc.yaml"):
        (root / name).write_bytes((repository / name).read_bytes())
    return root


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder of images, one of them below another folder, and a file that is none."""
    folder = tmp_path / "images"
    (folder / "deep").mkdir(parents=True)
    Image.new("RGB", (40, 30), (20, 20, 25)).save(folder / "a.png")
    Image.new("RGB", (40, 30), (230, 225, 230)).save(folder / "deep" / "b.jpg")
    (folder / "notes.txt").write_text("no image")
    (folder / ".hidden").write_text("left out")
    return folder


def test_every_file_has_a_row_with_its_scores_or_the_reason_why_not(root: Path, images: Path, tmp_path: Path) -> None:
    files = image_files([images])
    assert [file.name for file in files] == ["a.png", "b.jpg", "notes.txt"]
    failed = predict(root, "tiny", files, tmp_path / "out.csv")
    table = pd.read_csv(tmp_path / "out.csv")
    expected = ["path", "label", "score.dark", "score.light", "probability.dark", "probability.light", "error"]
    assert list(table.columns) == expected
    assert table["path"].tolist() == [str(file) for file in files]
    assert table["label"].tolist()[:2] == ["dark", "light"]
    np.testing.assert_allclose(table.loc[:1, ["probability.dark", "probability.light"]].sum(axis=1), 1, atol=1e-5)
    assert table["error"].notna().tolist() == [False, False, True]
    assert len(failed) == 1
    assert "notes.txt" in failed[0]


def test_the_command_takes_the_recommended_strategy_and_says_so(
    root: Path, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    assert chosen_strategy(root) == "tiny"
    done = CliRunner().invoke(app, ["predict", str(images), "--out", str(tmp_path / "out.csv")])
    assert done.exit_code == 0, done.output
    assert "by the model of tiny" in done.output
    assert "2 predictions, 1 files that can't be read" in done.output
    assert (tmp_path / "out.csv").is_file()


def test_what_cannot_be_done_is_said_with_what_to_do(root: Path, images: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no trained strategy 'gone'; trained are: tiny"):
        predict(root, "gone", [images / "a.png"], tmp_path / "out.csv")
    with pytest.raises(InputError, match=r"none of the 1 files can be read as an image; the first: .*notes\.txt"):
        predict(root, "tiny", [images / "notes.txt"], tmp_path / "out.csv")
    with pytest.raises(InputError, match="there is no such file or folder"):
        image_files([images / "nothing.png"])
    with pytest.raises(InputError, match="no strategy is recommended yet"):
        chosen_strategy(tmp_path)
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("text", ["=1+1.png", "+a.png", "-a.png", "@a.png"])
def test_no_path_becomes_a_formula(text: str) -> None:
    assert harmless(text) == f"'{text}"
    assert harmless("a=b.png") == "a=b.png"


def test_a_model_names_the_packages_of_its_family_and_backbone_and_no_others(root):
    packages = packages_of_model(root / "models" / "tiny")
    assert {"safetensors", "torch", "efficientnet-lite-pytorch", "numpy"} <= set(packages)
    assert not {"skops", "scikit-learn"} & set(packages)


def test_files_are_embedded_once_for_all_fits_of_a_model(root, images, monkeypatch):
    model = load_model(root / "models" / "tiny")
    asked = []
    monkeypatch.setattr(embedding, "embed", lambda *arguments: asked.append(arguments) or embed(*arguments))
    three = replace(model, fits=model.fits * 3)
    files = [images / "a.png", images / "deep" / "b.jpg"]
    assert predicted(three, files)["label"].tolist() == ["dark", "light"]
    assert len(asked) == 1


def test_no_reason_why_a_file_has_no_prediction_becomes_a_formula(
    root: Path, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(images)
    (images / "=1+1.png").write_text("no image")
    [told] = predict(root, "tiny", [Path("a.png"), Path("=1+1.png")], tmp_path / "out.csv")
    table = pd.read_csv(tmp_path / "out.csv")
    assert table["path"].tolist() == ["a.png", "'=1+1.png"]
    assert table["error"].tolist()[1] == f"'{told}"


@pytest.mark.parametrize(
    ("model_depth", "used", "told"),
    [
        (12, 12, ""),
        (16, 16, ""),
        (12, 16, "values above 4095, the white of the model's 12 bits"),
        (16, 12, "of which at most 12 are used, and the model's scale is 16 bits"),
    ],
)
def test_files_that_the_model_sees_on_another_scale_than_in_training_are_told(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], model_depth: int, used: int, told: str
) -> None:
    model = load_model(root / "models" / "tiny")
    save_model(replace(model, depth=model_depth), tmp_path / "models" / "tiny", {})
    ramp = np.linspace(0, 2**used - 1, 20 * 30).reshape(20, 30).astype(np.uint16)
    Image.fromarray(ramp).save(tmp_path / "deep.png")
    Image.new("L", (20, 20), 200).save(tmp_path / "eight.png")
    (tmp_path / "none.png").write_text("no image")
    files = [tmp_path / name for name in ("deep.png", "eight.png", "none.png")]
    predict(tmp_path, "tiny", files, tmp_path / "out.csv")
    said = capsys.readouterr().out
    assert (told in said) if told else ("bits" not in said)
    assert "eight.png" not in said


@pytest.mark.parametrize(
    ("place", "told"),
    [
        (".", "is a folder; name the file"),
        ("data/raw/cat/predictions.csv", "lies in data/raw"),
        ("models/tiny/model.json/predictions.csv", "nothing can be written there"),
    ],
)
def test_a_place_where_no_table_can_be_is_refused_before_an_image_is_opened(
    root: Path, tmp_path: Path, place: str, told: str
) -> None:
    before = sorted(root.rglob("*"))
    with pytest.raises(InputError, match=told):
        predict(root, "tiny", [tmp_path / "which-is-not-opened.png"], root / place)
    assert sorted(root.rglob("*")) == before
