"""Detectors on images through the stages: from files with a visible defect to the leaderboard."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from numpy.testing import assert_array_equal
from PIL import Image
from ruamel.yaml import YAML
from textures import texture

from tasks.compare.leaderboard import LEADERBOARD
from tasks.errors import InputError
from tasks.explain.explanation import explain
from tasks.explain.picture import picture
from tasks.explain.report import page
from tasks.files import read_json
from tasks.network import network_of
from tasks.tables import CATALOG, PREDICTIONS
from tasks.train.loading import load_model, packages_of_model
from tasks.workspace import Workspace

IDLE = {"sampler": {"name": "natural"}, "mixing": {"name": "none"}, "schedule": {"name": "constant"}}
OUTLIERS = IDLE | {"loss": {"name": "none"}, "posthoc": {"name": "threshold"}}
DETECTORS: dict[str, dict[str, Any]] = {
    "places": {"name": "patchcore", "image_size": 64, "patches": 1500, "bank": 150},
    "gaussians": {"name": "padim", "image_size": 64, "dimensions": 24},
    "pixels": {"name": "autoencoder", "image_size": 32, "width": 8, "steps": 100, "learning_rate": 0.01},
}
HEAD = {"name": "head", "backbone": "efficientnet_lite0", "steps": 60, "learning_rate": 0.01}
NORMAL, ODD = 70, 26


def outliers(name: str) -> dict[str, Any]:
    family: dict[str, Any] = {"name": "anomaly", "backbone": "none", "detector": DETECTORS[name]}
    if name != "gaussians":
        return OUTLIERS | {"recipe": "natural", "family": family}
    return OUTLIERS | {"recipe": "augmented_minority", "family": family | {"normal": "fine"}}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Path:
    """A workspace in which every stage has run."""
    root = tmp_path_factory.mktemp("outliers")
    yaml = YAML(typ="safe", pure=True)
    params = yaml.load((repository / "params.yaml").read_text(encoding="utf-8"))
    params["backbones"]["efficientnet_lite0"]["image_size"] = 64
    params["recipes"] = {name: params["recipes"][name] for name in ("natural", "augmented_minority")}
    plain = IDLE | {"loss": {"name": "cross_entropy"}, "posthoc": {"name": "none"}}
    params["strategies"] = {"plain": plain | {"recipe": "natural", "family": HEAD}}
    params["strategies"] |= {name: outliers(name) for name in DETECTORS}
    params["train"]["seeds"], params["split"]["folds"], params["evaluate"]["draws"] = 1, 3, 200
    params["audit"]["images"] = 40
    params["compare"]["baseline"] = "plain"
    yaml.dump(params, root / "params.yaml")
    for code, (label, number) in enumerate({"fine": NORMAL, "stained": ODD}.items()):
        folder = root / "data" / "raw" / label
        folder.mkdir(parents=True)
        for one in range(number):
            Image.fromarray(texture(code, one)).save(folder / f"{one:03}.png")
    frozen = (repository / "data" / "frozen.csv").read_text(encoding="utf-8").splitlines()[0]
    (root / "data" / "frozen.csv").write_text(frozen + "\n", encoding="utf-8")
    names = [*params["strategies"]]
    stages = [("ingest", [""]), ("embed", ["efficientnet_lite0"]), ("group", [""]), ("split", [""])]
    stages += [(stage, [*params["recipes"]]) for stage in ("balance", "embed_new")]
    stages += [("train", names), ("audit", names), ("evaluate", [""]), ("compare", [""])]
    for stage, items in stages:
        for item in items:
            run = import_module(f"tasks.{stage}.stage").run
            run(Workspace(root, f"{stage}@{item}" if item else stage), item)
    return root


@pytest.mark.slow
def test_the_leaderboard_has_a_row_of_each_with_ranking_and_verdict(root: Path) -> None:
    board = LEADERBOARD.read(root / "reports" / "compare" / LEADERBOARD.file).set_index("strategy")
    assert {*board.index} == {"plain", *DETECTORS}
    assert board["balanced_accuracy"].notna().all()
    assert {*board.loc[[*DETECTORS], "verdict"]} <= {"helps", "no difference", "hurts", "unclear"}
    metrics = read_json(root / "reports" / "evaluate" / "metrics.json")
    for name in DETECTORS:
        for ranking in ("roc_auc", "pr_auc"):
            assert metrics[name][ranking]["value"] > 0.9
            assert all(metrics[name][f"{ranking}.{label}"]["value"] > 0.85 for label in ("fine", "stained"))
        assert "log_loss" not in metrics[name], "scores of outliers are no probabilities"
        predictions = PREDICTIONS.read(root / "predictions" / name / PREDICTIONS.file)
        assert {*predictions["kind"]} == {"anomaly"}
        rule = read_json(root / "models" / name / "model.json")["posthoc"]
        assert rule["name"] == "threshold"
        assert rule["offsets"] is not None


@pytest.mark.slow
def test_a_recipe_with_new_images_is_audited_by_the_models_of_the_folds(root: Path) -> None:
    audited = read_json(root / "reports" / "audit" / "gaussians" / "audit.json")
    assert audited["class"] == "fine"
    assert audited["images"] == 40
    assert audited["untouched"]["value"] < 0.3, "normal images that were not learnt from are mostly taken for such"


@pytest.mark.slow
@pytest.mark.parametrize("name", DETECTORS)
def test_a_saved_model_says_of_files_what_the_stage_predicted(root: Path, name: str) -> None:
    model = load_model(root / "models" / name)
    predictions = PREDICTIONS.read(root / "predictions" / name / PREDICTIONS.file)
    test = predictions[predictions["part"] == "test"]
    paths = Workspace(root, "train").read(CATALOG).set_index("image_id")["path"]
    found = model.predict(model.inputs([root / "data" / "raw" / paths[one] for one in test["image_id"]]))
    assert_array_equal(found.values, test[["score.fine", "score.stained"]].to_numpy())
    assert model.shown == {"image_size": DETECTORS[name]["image_size"], "resize": "squash"}
    assert "torch" in packages_of_model(root / "models" / name)


@pytest.mark.slow
@pytest.mark.parametrize("name", DETECTORS)
def test_an_explanation_shows_what_is_odd_and_an_export_is_refused(root: Path, name: str) -> None:
    model = load_model(root / "models" / name)
    files = []
    for code in (0, 1):
        files.append(root / f"{code}.png")
        Image.fromarray(texture(code, 500)).save(files[-1])
    fine, stained = explain(model, name, None, files, None)
    assert stained.label == "stained"
    assert stained.is_odd
    assert stained.cells.max() > 2 * fine.cells.max()
    assert picture(stained)[:4] == b"\x89PNG"
    html = page(stained, b"", model.depth)
    assert "what the model has learnt of its normal class" in html
    assert "Grad-CAM" not in html
    with pytest.raises(InputError, match="shows where an image is odd"):
        explain(model, name, None, files, None, "stained")
    with pytest.raises(InputError, match="a model of the family 'anomaly' is no network, so it can't be exported"):
        network_of(model, name, "exported")
