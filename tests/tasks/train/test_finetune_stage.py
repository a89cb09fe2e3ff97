"""The stage with a strategy that trains a whole network: what it reads, what it leaves, and how it goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from image_fits import TINY, picture
from numpy.testing import assert_array_equal
from PIL import Image
from ruamel.yaml import YAML

from tasks.depth import FULL
from tasks.ingest import stage as ingest
from tasks.tables import BALANCED, CATALOG, PREDICTIONS, SPLITS
from tasks.train import stage as train
from tasks.train.finetuning.checkpoints import facts
from tasks.train.fitting import Outcome, fit_strategy
from tasks.train.loading import load_model
from tasks.train.stored_inputs import inputs_of
from tasks.workspace import STATE, Workspace

CLASSES = ["crack", "fine", "stain"]
EACH = 20
NOTHING = {
    "loss": {"name": "cross_entropy"},
    "sampler": {"name": "natural"},
    "schedule": {"name": "constant"},
    "posthoc": {"name": "none"},
}


@pytest.fixture
def workspace(tmp_path: Path, repository: Path) -> Workspace:
    """20 pictures of each of three classes in two folds and a test part, and a new picture of every crack."""
    yaml = YAML(typ="safe", pure=True)
    params = yaml.load((repository / "params.yaml").read_text(encoding="utf-8"))
    family = {"name": "finetune", "backbone": "none"} | TINY
    params["strategies"]["tuned"] = NOTHING | {"recipe": "natural", "family": family, "mixing": {"name": "cutmix"}}
    params["train"]["seeds"] = 2
    yaml.dump(params, tmp_path / "params.yaml")
    for code, label in enumerate(CLASSES):
        folder = tmp_path / "data" / "raw" / label
        folder.mkdir(parents=True)
        for number in range(EACH):
            Image.fromarray(picture(code, number, 24)).save(folder / f"{number:02}.png")
    ingest.run(Workspace(tmp_path, "ingest"), "")
    workspace = Workspace(tmp_path, "train@tuned")
    splits = make_splits(workspace.read(CATALOG))
    tables = {"splits": (SPLITS, splits), "balanced/natural": (BALANCED, make_balanced(splits, tmp_path))}
    for name, (table, rows) in tables.items():
        folder = tmp_path / "data" / name
        folder.mkdir(parents=True, exist_ok=True)
        table.write(rows, folder / table.file)
    return workspace


def make_splits(catalog: pd.DataFrame) -> pd.DataFrame:
    rows = catalog.sort_values(["label", "image_id"])[["image_id", "label"]].reset_index(drop=True)
    at = rows.groupby("label").cumcount()
    fold = (at % 2).where(at >= 4)
    part = np.where(at < 4, "test", "train")
    return rows.assign(group=rows["image_id"], part=part, repeat=0, fold=fold.astype("Int16"))


def make_balanced(splits: pd.DataFrame, root: Path) -> pd.DataFrame:
    rows = []
    for row in splits[splits["part"] == "train"].itertuples():
        common = {"label": row.label, "parents": [row.image_id], "parameters": "{}", "fold": int(row.fold)}
        rows.append(common | {"row_id": row.image_id, "origin": "original", "operation": "original"})
        if row.label == "crack":
            file = root / "data" / "balanced" / "natural" / f"{row.image_id}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture(0, 100 + len(rows), 20)).save(file)
            new = {"row_id": f"{row.image_id}-n1", "origin": "augmented", "operation": "flip", "file": file.name}
            rows.append(common | new)
    return pd.DataFrame(rows).assign(fitted_on=None, second_label=None, second_share=np.nan)


def fit(workspace: Workspace, checkpoints: Path | None, tell=lambda line: None) -> Outcome:
    strategy, balanced = workspace.params.strategies["tuned"], workspace.read(BALANCED, "natural")
    return fit_strategy(
        strategy,
        2,
        splits=workspace.read(SPLITS),
        balanced=balanced,
        inputs=inputs_of(workspace, strategy, balanced),
        backbone=None,
        depth=FULL,
        tell=tell,
        checkpoints=checkpoints,
    )


def scores(predictions: pd.DataFrame) -> np.ndarray:
    return predictions[[f"score.{name}" for name in CLASSES]].to_numpy()


def test_the_stage_trains_on_originals_and_new_images_and_leaves_no_checkpoints(workspace: Workspace) -> None:
    train.run(workspace, "tuned")
    predictions = workspace.read(PREDICTIONS, "tuned")
    assert len(predictions) == 2 * 3 * EACH
    right = scores(predictions).argmax(1) == predictions["label"].map(CLASSES.index)
    assert right.groupby(predictions["part"]).mean().min() > 0.8
    model = load_model(workspace.path("models", "tuned"))
    own = predictions[(predictions["part"] == "test") & (predictions["seed"] == 0)]
    catalog = workspace.read(CATALOG).set_index("image_id")["path"]
    files = [workspace.path("data", "raw") / catalog[name] for name in own["image_id"]]
    assert_array_equal(model.predict_each(model.inputs(files)).values[0], scores(own))
    np.testing.assert_allclose(model.fits[0].prior, np.array([32, 16, 16]) / 64)
    assert not workspace.path(STATE, "checkpoints", "tuned").exists()
    history = pd.read_csv(workspace.path("models", "tuned", "history.csv"))
    assert len(history) == 3 * 2 * TINY["epochs"]


@pytest.mark.slow
def test_a_strategy_that_was_stopped_goes_on_with_what_is_left(workspace: Workspace, tmp_path: Path) -> None:
    checkpoints = tmp_path / "checkpoints"

    def stop(line: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(workspace, checkpoints, stop)
    done = {folder.name: facts(folder)["epoch"] for folder in sorted(checkpoints.iterdir())}
    assert done == {"0-0": str(TINY["epochs"]), "0-1": str(TINY["epochs"])}
    times = {file: file.stat().st_mtime_ns for file in checkpoints.rglob("*.safetensors")}
    found, expected = fit(workspace, checkpoints), fit(workspace, None)
    pd.testing.assert_frame_equal(found.predictions, expected.predictions)
    pd.testing.assert_frame_equal(found.history, expected.history)
    assert {file: file.stat().st_mtime_ns for file in times} == times
    assert len(list(checkpoints.iterdir())) == 6
