"""`equipoise export-model` and `equipoise explain` in a workspace."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from PIL import Image
from tiny_model import BACKBONE, CLASSES, write_model
from typer.testing import CliRunner

from flows.cli import app
from tasks.errors import InputError
from tasks.features import Features
from tasks.features.embedding import about, embed
from tasks.fingerprints import file_hash
from tasks.tables import CATALOG, SPLITS
from tasks.train.classifier import pack


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Path:
    """A workspace of eight images, the last of each class in the test part, and a model that tells them apart."""
    root = tmp_path_factory.mktemp("explained")
    rows, files = [], []
    for number in range(8):
        label = CLASSES[number % 2]
        path = Path(label, f"{number}.png")
        file = root / "data" / "raw" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20 + number, 20), (30 + 190 * (number % 2) + number,) * 3).save(file)
        rows.append({"image_id": f"{number:016x}", "path": path.as_posix(), "label": label, "sha256": file_hash(file)})
        files.append(file)
    vectors = embed(files, BACKBONE, 16, workers=1)
    catalog = CATALOG.empty().reindex(range(8))
    for name, values in pd.DataFrame(rows).items():
        catalog[name] = values
    filled = {"paths": [[row["path"]] for row in rows], "width": 20, "height": 20, "mode": "RGB", "depth": 8}
    filled |= {"format": "PNG", "frames": 1, "bytes": 100, "pixels": "0" * 16, "orientation": 1, "sharpness": 1.0}
    for name, value in (filled | {"phash": [["0" * 16] * 8] * 8}).items():
        catalog[name] = value
    splits = pd.DataFrame(
        [{"image_id": row["image_id"], "group": row["image_id"], "label": row["label"]} for row in rows]
    )
    splits["part"] = ["train"] * 6 + ["test"] * 2
    splits["repeat"], splits["fold"] = 0, [0.0, 1.0] * 3 + [None] * 2
    for table, frame in ((CATALOG, catalog), (SPLITS, splits)):
        place = table.place(root, "")
        place.parent.mkdir(parents=True, exist_ok=True)
        frame.to_parquet(place, index=False)
    features = root / "data" / "features" / "mine"
    features.mkdir(parents=True)
    Features([row["image_id"] for row in rows], vectors).save(features, about(BACKBONE))
    write_model(root, repository, vectors[:6], [0, 1] * 3)
    return root


def call(root: Path, monkeypatch: pytest.MonkeyPatch, *arguments: object):
    monkeypatch.chdir(root)
    return CliRunner().invoke(app, [str(one) for one in arguments])


def test_an_image_is_explained_by_a_page_and_a_picture(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = tmp_path / "new.png"
    Image.new("RGB", (40, 30), (222, 222, 222)).save(new)
    told = call(
        root, monkeypatch, "explain", new, "data/raw/dark/0.png", "data/raw/light/7.png", "--to", tmp_path / "out"
    )
    assert told.exit_code == 0, told.output
    assert "no rule of `equipoise run evaluate` goes with this model" in told.output
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        *("0.png.html", "0.png.png", "7.png.html", "7.png.png", "new.png.html", "new.png.png"),
    ]
    pages = {name: (tmp_path / "out" / f"{name}.png.html").read_text(encoding="utf-8") for name in ("new", "0", "7")}
    assert "<h1>light</h1>" in pages["new"]
    assert "<h1>dark</h1>" in pages["0"]
    assert "in the training part, as dark" in pages["0"]
    assert "in the test part, as light" in pages["7"]
    assert "part, as" not in pages["new"]
    assert pages["new"].count("<figure") == 6
    assert pages["0"].count("<figure") == 5


def test_of_a_model_from_elsewhere_nobody_says_what_it_has_learnt_from(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed, out = tmp_path / "packed", tmp_path / "out"
    pack(root / "models" / "tiny", None, packed)
    images = ("data/raw/dark/0.png", "data/raw/light/7.png")
    told = call(root, monkeypatch, "explain", *images, "--model", packed, "--to", out)
    assert told.exit_code == 0, told.output
    for name, part in (("0", "train"), ("7", "test")):
        page = (out / f"{name}.png.html").read_text(encoding="utf-8")
        assert f"in the {part} part of this workspace" in page
        assert "has learnt from it is not known" in page
        assert "the model has learnt" not in page
        assert "has not learnt" not in page


def test_images_of_one_name_have_pages_of_their_own(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        Image.new("RGB", (9, 9), (30, 30, 30)).save(tmp_path / folder / "x.png")
    call(root, monkeypatch, "explain", tmp_path / "a" / "x.png", tmp_path / "b" / "x.png", "--to", tmp_path / "out")
    assert {file.name for file in (tmp_path / "out").glob("*.html")} == {"x.png.html", "x.png-2.html"}


def test_a_file_that_is_no_image_ends_the_command_before_anything_is_written(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"\x89PNG\r\n\x1a\nrubbish")
    told = call(root, monkeypatch, "explain", "data/raw/dark/0.png", bad, "--to", tmp_path / "out")
    assert isinstance(told.exception, InputError)
    assert "bad.png: can't be read as an image" in str(told.exception)
    assert not (tmp_path / "out").exists()


def test_a_model_is_exported_and_held_against_images_of_the_test_part(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = call(root, monkeypatch, "export-model", "--to", tmp_path / "m.onnx")
    assert told.exit_code == 0, told.output
    assert (tmp_path / "m.onnx").stat().st_size > 1e6
    assert "onnxruntime.InferenceSession" in told.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--to", "data/raw/m.onnx"], "lies in data/raw"),
        (["--format", "tflite"], "no format 'tflite' of models; there is onnx"),
        (["--model", "other"], "there is no model 'other'"),
    ],
)
def test_what_can_not_be_exported_is_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    told = call(root, monkeypatch, "export-model", *arguments)
    assert isinstance(told.exception, InputError)
    assert words in str(told.exception)


def test_images_that_are_not_here_are_asked_for(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = (root / "data" / "raw").rename(root / "data" / "away")
    try:
        told = call(root, monkeypatch, "export-model", "--to", tmp_path / "m.onnx")
    finally:
        moved.rename(root / "data" / "raw")
    assert isinstance(told.exception, InputError)
    assert "dvc pull" in str(told.exception)
    assert not (tmp_path / "m.onnx").exists()
