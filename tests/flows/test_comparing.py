"""`equipoise similar` and `equipoise enroll`: what a similarity says of two images, and of a class it never saw."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tiny_model import BACKBONE, make_workspace
from typer.testing import CliRunner

from flows.chosen_model import choose_model
from flows.cli import app
from tasks.features.embedding import embed
from tasks.files import read_json, write_json
from tasks.inputs import Inputs, StoredSource
from tasks.similarity.verification import FILE, Threshold, Verification
from tasks.statistics.interval import Interval
from tasks.train.families import Components, Log
from tasks.train.families.head import FittedHead, Head
from tasks.train.families.similarity import Similarity
from tasks.train.loading import load_model
from tasks.train.losses.none import NoLoss
from tasks.train.mixing.none import Unmixed
from tasks.train.models import ABOUT, Model, save_model
from tasks.train.posthoc.none import Unchanged
from tasks.train.posthoc.threshold import Threshold as ThresholdRule
from tasks.train.rows import Rows
from tasks.train.samplers.natural import Natural
from tasks.train.schedules.constant import Unscheduled

KNOWN = {"dark": (25, 25, 25), "light": (225, 225, 225), "red": (220, 30, 30), "green": (30, 200, 40)}
NEW = (40, 60, 220)
RATES = (Interval(0.008, 0.004, 0.016), Interval(0.21, 0.15, 0.29))
VERIFICATION = Verification(
    80,
    Interval(0.1, 0.05, 0.2),
    Interval(0.9, 0.8, 0.95),
    tuple(Threshold(wanted, similarity, *RATES) for wanted, similarity in ((0.1, 0.2), (0.01, 0.6), (0.001, 1.5))),
    ((-1.0, 1.0, 0.0), (1.0, 0.0, 1.0)),
)


def photos(folder: Path, name: str, colour: tuple[int, int, int], number: int, seed: int) -> list[Path]:
    """Noisy pictures of one colour."""
    stream = np.random.default_rng(seed)
    folder.mkdir(exist_ok=True)
    files = [folder / f"{name}{count}.png" for count in range(number)]
    for file in files:
        pixels = np.array(colour) + stream.normal(0, 15, size=3) + stream.normal(0, 12, size=(24, 24, 3))
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file)
    return files


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Path:
    """A workspace with the strategies ``tiny`` and, of the family `similarity`, ``alike``."""
    root = tmp_path_factory.mktemp("compared")
    make_workspace(root, repository)
    names = sorted(KNOWN)
    files = [file for name in names for file in photos(root / "photos", name, KNOWN[name], 8, len(name))]
    labels = np.repeat(np.arange(len(names)), 8)
    ids = [str(number) for number in range(len(files))]
    vectors = embed(files, BACKBONE, 16, workers=1)

    class Vectors(StoredSource):
        def features(self, ids: list[str], backbone: str, fold: int | None) -> np.ndarray:
            return vectors[[int(name) for name in ids]]

    rows = Rows(ids, names, labels, labels, np.ones(len(ids), dtype=np.float32))
    family = Similarity(backbone="mine", dimensions=16, steps=60)
    components = Components(NoLoss(), Natural(), Unmixed(), Unscheduled())
    fits = tuple(family.fit(rows, Inputs(ids, Vectors({})), components, seed, None, Log()) for seed in (0, 1))
    folder = root / "models" / "alike"
    folder.mkdir()
    save_model(
        Model(names, family, Unchanged(), fits, None, BACKBONE, 16), folder, {"strategy": "alike", "predictions": "a"}
    )
    write_json(folder / FILE, VERIFICATION.as_json())
    return root


def run(root: Path, monkeypatch: pytest.MonkeyPatch, *words: object) -> tuple[int, str]:
    monkeypatch.chdir(root)
    done = CliRunner().invoke(app, [str(word) for word in words])
    return done.exit_code, " ".join(f"{done.output}{done.exception or ''}".split())


def test_two_images_are_told_with_threshold_and_rates(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    red = photos(tmp_path, "r", KNOWN["red"], 2, 20)
    (green,) = photos(tmp_path, "g", KNOWN["green"], 1, 21)
    code, told = run(root, monkeypatch, "similar", "alike", *red)
    assert code == 0, told
    assert "same: the same from 0.600 on, chosen for 1.0% false accepts" in told
    assert "0.8% of the pairs of two classes are called the same (95 % interval 0.4% to 1.6%)" in told
    assert "21.0% of those of one class different (15.0% to 29.0%)" in told
    assert "different: the same from 0.600" in run(root, monkeypatch, "similar", "alike", red[0], green)[1]
    strict = run(root, monkeypatch, "similar", "alike", *red, "--false-accepts", 0.001)[1]
    assert "different: the same from 1.500" in strict

    model = load_model(root / "models" / "alike")
    directions = [fitted.directions(model.inputs(red)) for fitted in model.fits]
    expected = np.mean([one[0] @ one[1] for one in directions])
    assert f"similarity {expected:.3f} (a cosine" in told
    assert model.cosines(model.inputs([red[0], red[0]]))[0, 1] == pytest.approx(1)


def test_any_family_with_directions_compares_and_without_folds_no_threshold_is_made_up(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, told = run(root, monkeypatch, "similar", "tiny", root / "dark.png", root / "dark.png")
    assert code == 0, told
    assert "similarity 1.000" in told
    assert "from where on two images are the same is not known" in told
    model = load_model(root / "models" / "tiny")
    images = [root / "dark.png", root / "light.png"]
    rows = embed(images, BACKBONE, 16, workers=1).astype(np.float64) - model.fits[0].arrays["centre"]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    assert model.cosines(model.inputs(images))[0, 1] == pytest.approx(rows[0] @ rows[1], abs=1e-5)


def test_a_class_is_added_to_a_copy_that_predict_takes(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = {file: file.read_bytes() for file in sorted((root / "models").rglob("*")) if file.is_file()}
    shown = photos(tmp_path / "shown", "b", NEW, 5, 30)
    folder = tmp_path / "more" / "with blue"
    code, told = run(root, monkeypatch, "enroll", "blue", *shown, shown[0], "--model", "alike", "--to", folder)
    assert code == 0, told
    assert "which knows 'blue' too, from 5 different images" in told
    assert own == {file: file.read_bytes() for file in sorted((root / "models").rglob("*")) if file.is_file()}
    facts = read_json(folder / ABOUT)
    assert facts["classes"] == [*sorted(KNOWN), "blue"]
    hashes = sorted(hashlib.sha256(file.read_bytes()).hexdigest() for file in shown)
    assert facts["enrolled"] == [{"class": "blue", "images": hashes}]
    assert "predictions" not in facts, "by which a rule of the model it was made of would be taken for its own"

    asked = [*photos(tmp_path / "asked", "b", NEW, 6, 31), *photos(tmp_path / "asked", "r", KNOWN["red"], 3, 32)]
    code, told = run(root, monkeypatch, "predict", folder, *asked, "--to", tmp_path / "out.csv")
    assert code == 0, told
    assert "class blue was enrolled from 5 images and never trained on" in told
    table = pd.read_csv(tmp_path / "out.csv")
    assert (table["label"][:6] == "blue").mean() > 0.7
    assert table["label"].tolist()[6:] == ["red"] * 3
    scores = [f"score.{name}" for name in sorted(KNOWN)]
    code, told = run(root, monkeypatch, "predict", "alike", *asked, "--to", tmp_path / "before.csv")
    np.testing.assert_allclose(table[scores], pd.read_csv(tmp_path / "before.csv")[scores], rtol=1e-5, atol=1e-5)

    code, told = run(root, monkeypatch, "enroll", "tan", asked[0], "--model", folder, "--to", tmp_path / "two")
    assert code == 0, told
    assert [one["class"] for one in read_json(tmp_path / "two" / ABOUT)["enrolled"]] == ["blue", "tan"]
    assert choose_model(root, str(tmp_path / "two"), root).classifier.verification == VERIFICATION


def test_the_same_images_in_any_order_give_the_same_bytes(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = photos(tmp_path / "shown", "b", NEW, 3, 30)
    for name, files in (("one", shown), ("two", shown[::-1])):
        run(root, monkeypatch, "enroll", "blue", *files, "--model", "alike", "--to", tmp_path / name)
    one, two = (
        {str(file.relative_to(tmp_path / name)): file.read_bytes() for file in (tmp_path / name).rglob("*.*")}
        for name in ("one", "two")
    )
    assert one == two
    assert ABOUT in one


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["similar", "alike", "{image}", "{image}", "--false-accepts", "0.5"], "chosen for 0.1, 0.05, 0.01, 0.001"),
        (["similar", "alike", "{image}", "params.yaml"], "params.yaml: "),
        (["enroll", "red", "{image}", "--model", "alike", "--to", "{out}"], "the model knows the class 'red' already"),
        (["enroll", " ", "{image}", "--model", "alike", "--to", "{out}"], "the new class has no name"),
        (["enroll", "blue", "none.png", "--model", "alike", "--to", "{out}"], "none.png: there is no such file"),
        (["enroll", "blue", "params.yaml", "--model", "alike", "--to", "{out}"], "params.yaml: "),
        (["enroll", "blue", "{image}", "--model", "alike", "--to", "models/new"], "lies in models, which only stages"),
        (["enroll", "blue", "{image}", "--model", "alike", "--to", "photos"], "photos: is there already"),
    ],
)
def test_what_cannot_be_done_is_said_and_leaves_nothing(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], told: str
) -> None:
    before = sorted(root.rglob("*"))
    image, out = root / "dark.png", tmp_path / "out"
    code, said = run(root, monkeypatch, *(word.format(image=image, out=out) for word in words))
    assert code
    assert told in said
    assert sorted(root.rglob("*")) == before
    assert not list(tmp_path.iterdir())


def test_a_model_whose_classes_take_training_is_refused(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrays = {"mean": np.zeros(1280), "deviation": np.ones(1280), "weight0": np.ones((2, 1280)), "bias0": np.zeros(2)}
    fitted = FittedHead("mine", None, np.full(2, 0.5), {name: one.astype(np.float32) for name, one in arrays.items()})
    folder, image = tmp_path / "head", root / "dark.png"
    save_model(Model(["a", "b"], Head(backbone="mine"), Unchanged(), (fitted,), None, BACKBONE, 16), folder, {})
    for words, told in (
        (
            ("enroll", "blue", image, "--model", folder, "--to", tmp_path / "out"),
            "a class can't be added to this model",
        ),
        (("similar", folder, image, image), "has no similarity by which images are compared"),
    ):
        code, said = run(root, monkeypatch, *words)
        assert code
        assert told in said
        assert "the family" in said
        assert "'nearest_class_mean'" in said
    assert not (tmp_path / "out").exists()


def test_nearest_class_mean_takes_a_class_too(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown, asked = photos(tmp_path / "a", "b", NEW, 4, 30), photos(tmp_path / "b", "b", NEW, 4, 31)
    code, told = run(root, monkeypatch, "enroll", "blue", *shown, "--model", "tiny", "--to", tmp_path / "more")
    assert code == 0, told
    assert run(root, monkeypatch, "predict", tmp_path / "more", *asked, "--to", tmp_path / "out.csv")[0] == 0
    assert (pd.read_csv(tmp_path / "out.csv")["label"] == "blue").mean() > 0.7


def test_a_rule_that_knows_nothing_of_a_new_class_is_refused(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model(root / "models" / "alike")
    offsets = [float(number) for number in range(len(model.classes))]
    save_model(replace(model, posthoc=ThresholdRule(offsets=offsets)), tmp_path / "moved", {})
    words = ("enroll", "blue", root / "dark.png", "--model", tmp_path / "moved", "--to", tmp_path / "out")
    code, said = run(root, monkeypatch, *words)
    assert code
    assert "the post-hoc rule 'threshold' moves the scores of the classes that were trained on" in said
