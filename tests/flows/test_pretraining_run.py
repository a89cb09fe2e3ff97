"""A whole run with a pretrained backbone: through DVC, Prefect and MLflow, with unlabelled images among the others."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from tasks.files import read_json

pytestmark = pytest.mark.slow

NETWORK = {"name": "resnet", "depth": 8}
NOTHING = {
    "recipe": "natural",
    "loss": {"name": "cross_entropy"},
    "sampler": {"name": "natural"},
    "mixing": {"name": "none"},
    "schedule": {"name": "constant"},
    "posthoc": {"name": "none"},
}
FINETUNE = {"name": "finetune", "backbone": "own", "network": NETWORK, "image_size": 32, "epochs": 2}
STRATEGIES = {
    "plain": NOTHING | {"family": {"name": "head", "backbone": "efficientnet_lite0", "steps": 12}},
    "own_features": NOTHING | {"family": {"name": "head", "backbone": "own", "steps": 12}},
    "seen_all": NOTHING | {"family": {"name": "head", "backbone": "one_for_all", "steps": 12}},
    "own_finetuned": NOTHING | {"family": FINETUNE},
}


def picture(code: int, number: int) -> Image.Image:
    """Noise on a ground of its own, with stripes by class."""
    stream = np.random.default_rng((code, number))
    pixels = stream.normal(0, 20, (40, 40, 3)) + stream.integers(60, 180, 3)
    pixels[:: 2 + 2 * code] += 40
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def write(root: Path, params: dict[str, Any]) -> None:
    """Put parameters in their place, without the aliases that YAML writes for what stands there twice."""
    plain = json.loads(json.dumps(params))
    (root / "params.yaml").write_text(yaml.safe_dump(plain, sort_keys=False))


@pytest.fixture(scope="module")
def project(repository: Path, api: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A workspace after a run; call it to run `equipoise` in it."""
    home = tmp_path_factory.mktemp("pretraining")
    root, photos = home / "project", home / "photos"
    environment = os.environ | {"PREFECT_API_URL": api, "COLUMNS": "200", "PYTHONPATH": str(root)}
    environment.pop("MLFLOW_TRACKING_URI", None)

    def run(*command: str) -> str:
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    listing = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    tracked = subprocess.run(listing, cwd=repository, capture_output=True, text=True, check=True).stdout
    for name in filter(None, tracked.split("\0")):
        if (repository / name).is_file() and not name.startswith(("tests/", "docs/", "data/raw.dvc", "dvc.lock")):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(repository / name, root / name)
    (root / ".venv").symlink_to(sys.prefix)
    params = yaml.safe_load((root / "params.yaml").read_text())
    small = {"name": "simclr", "network": NETWORK, "epochs": 1}
    params["pretrain"] = {"own": small, "one_for_all": small | {"per_fold": False}}
    params["strategies"] = STRATEGIES
    params["recipes"] = {"natural": params["recipes"]["natural"]}
    params["backbones"]["efficientnet_lite0"]["image_size"] = 32
    for section, values in {
        "ingest": {"min_images": 8},
        "split": {"folds": 2},
        "train": {"seeds": 1},
        "evaluate": {"draws": 100},
        "explore": {"permutations": 20, "thumbnails": 2},
    }.items():
        params[section] |= values
    write(root, params)
    for code, (label, count) in enumerate({"common": 40, "rare": 24}.items()):
        (photos / label).mkdir(parents=True)
        for number in range(count):
            picture(code, number).save(photos / label / f"{number:02}.png")
    for number in range(5):
        picture(number % 2, 100 + number).save(photos / f"{number:02}.png")
    run("git", "init", "-q", "-b", "main")
    equipoise = (sys.executable, "-m", "flows.cli")
    run(*equipoise, "add", str(photos))
    run("git", "add", "-A")
    run("git", "commit", "-q", "-m", "before the first run")
    run.root = root  # type: ignore[attr-defined]
    run.output = run(*equipoise, "run", "--jobs", "2")  # type: ignore[attr-defined]
    return run


def test_unlabelled_images_are_seen_by_pretraining_and_by_nothing_else(project: Any) -> None:
    catalog = pd.read_parquet(project.root / "data" / "catalog" / "catalog.parquet")
    splits = pd.read_parquet(project.root / "data" / "splits" / "splits.parquet")
    unlabelled = set(catalog.loc[catalog["label"].isna(), "image_id"])
    assert len(unlabelled) == 5
    assert set(splits.loc[splits["image_id"].isin(unlabelled), "part"]) == {"excluded"}
    assert read_json(project.root / "models" / "backbones" / "own" / "summary.json")["fits"][""]["unlabelled"] == 5
    for name in STRATEGIES:
        predictions = pd.read_parquet(project.root / "predictions" / name / "predictions.parquet")
        assert unlabelled.isdisjoint(predictions["image_id"])
        assert len(predictions) == 64
    balanced = pd.read_parquet(project.root / "data" / "balanced" / "natural" / "balanced.parquet")
    assert unlabelled.isdisjoint(balanced["parents"].explode())


def test_every_strategy_has_its_row_and_who_has_seen_all_folds_is_named(project: Any) -> None:
    board = read_json(project.root / "reports" / "compare" / "leaderboard.json")
    assert {row["strategy"] for row in board["rows"]} == set(STRATEGIES)
    [told] = [one for one in board["sentences"] if "per_fold: false" in one]
    assert told.startswith("The backbone of seen_all was pretrained on all training images at once")


def test_its_stages_are_in_the_lock_and_nothing_is_left_to_do(project: Any) -> None:
    lock = yaml.safe_load((project.root / "dvc.lock").read_text())["stages"]
    made = {out["path"] for out in lock["pretrain@own"]["outs"]}
    assert made == {"models/backbones/own", "data/features/own"}
    assert "data/features/own" in {dep["path"] for dep in lock["train@own_finetuned"]["deps"]}
    out = project(str(project.root / ".venv/bin/dvc"), "status")
    assert "up to date" in out, out


def test_mlflow_knows_what_was_pretrained_and_what_it_cost(project: Any) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{project.root}/.equipoise/mlflow/mlflow.db")
    runs = client.search_runs([one.experiment_id for one in client.search_experiments()])
    by_name = {run.info.run_name: run for run in runs}
    own = by_name["own_features"].data
    assert own.params["pretrain.network.depth"] == "8"
    assert own.metrics["seconds.pretrain"] > 0
    assert "seconds.pretrain" not in by_name["plain"].data.metrics
    [parent] = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    files = {file.path for file in client.list_artifacts(parent.info.run_id, "pretrain/own")}
    assert files == {"pretrain/own/history.csv", "pretrain/own/summary.json"}


def test_what_is_taken_out_is_pruned(project: Any) -> None:
    params = yaml.safe_load((project.root / "params.yaml").read_text())
    del params["pretrain"]["one_for_all"], params["strategies"]["seen_all"]
    write(project.root, params)
    project(sys.executable, "-m", "flows.cli", "run", "--jobs", "2")
    for gone in ("models/backbones/one_for_all", "data/features/one_for_all", "models/seen_all"):
        assert not (project.root / gone).exists()
    for kept in ("models/backbones/own", "models/backbones/none", "data/features/own"):
        assert (project.root / kept).exists()
    assert not (project.root / "data" / "features_new" / "natural" / "one_for_all").exists()
