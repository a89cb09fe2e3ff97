"""A whole run with a generator: its images through the gates into a set, its verdict, and its run in MLflow."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from flows.tracking.generators import GENERATOR_TAG
from tasks.files import read_json
from tasks.params.presets import catalogue

pytestmark = pytest.mark.slow

TINY = {
    "name": "diffusion",
    "images": 8,
    "image_size": 16,
    "network": {"name": "patches", "width": 8, "blocks": 1},
    "steps": 8,
    "sampling_steps": 2,
}


def add_images(workspace: Path, equipoise: Callable[..., Any]) -> None:
    """Fewer of one class than of the other."""
    stream = np.random.default_rng(1)
    photos = workspace.parent / "photos"
    for label, number in (("bad", 24), ("good", 40)):
        (photos / label).mkdir(parents=True)
        for at in range(number):
            pixels = stream.integers(0, 256, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(photos / label / f"{at}.png")
    shutil.rmtree(workspace / "data" / "raw")
    (workspace / "data" / "raw.dvc").unlink()
    done = equipoise(workspace, "add", str(photos))
    assert done.returncode == 0, done.stdout + done.stderr


def test_generated_images_are_made_judged_and_recorded(workspace: Path, equipoise: Callable[..., Any]) -> None:
    add_images(workspace, equipoise)
    params = yaml.safe_load((workspace / "params.yaml").read_text())
    params["generators"] = {"shapes": TINY}
    lenient = {"confidence": 0.0, "near_copies": True, "duplicates": False}
    params["synthesize"] |= {"selection": lenient, "surplus": 0.5}
    known = catalogue("recipes").values
    params["recipes"] = {name: known[name] for name in ("natural", "copied_more", "synthetic")}
    params["recipes"]["copied_more"]["resample"]["to"] = {"more": 8}
    params["recipes"]["synthetic"]["synthetic"] = {"generator": "shapes", "images": 8}
    params["strategies"] = {name: catalogue("strategies").values[name] for name in ("plain", "copied", "synthetic")}
    params["backbones"]["efficientnet_lite0"]["image_size"] = 32
    params["split"]["folds"] = 2
    params["train"]["seeds"] = 1
    (workspace / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    told = equipoise(workspace, "run", "--dry-run").stdout
    assert "synthesize@shapes: 2 models, one a fold, 8 steps each: about 0 minutes on two cores" in told

    done = equipoise(workspace, "run")
    assert done.returncode == 0, done.stdout + done.stderr
    made = workspace / "data" / "synthetic" / "shapes"
    kept = pd.read_parquet(made / "synthetic.parquet")
    dropped = pd.read_csv(made / "dropped.csv")
    assert len(kept) == read_json(made / "summary.json")["classes"]["bad"]["synthetic"] <= 8
    assert len(kept) + len(dropped) == 12
    rows = pd.read_parquet(workspace / "data" / "balanced" / "synthetic" / "balanced.parquet")
    assert set(rows.loc[rows["origin"] == "synthetic", "row_id"]) == set(kept["row_id"])
    assert (workspace / "data" / "balanced" / "synthetic" / "contact_sheets" / "generated" / "bad.png").is_file()
    assert len(list((workspace / ".equipoise" / "fits" / "shapes").glob("*.png"))) == 14  # of two fits, 7 each
    sentences = read_json(workspace / "reports" / "compare" / "leaderboard.json")["sentences"]
    assert any("generated images" in one.lower() and "synthetic differs from copied by" in one for one in sentences)
    page = (workspace / "reports" / "compare" / "report.html").read_text(encoding="utf-8")
    assert "bad (generated)" in page

    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{workspace / '.equipoise' / 'mlflow' / 'mlflow.db'}")
    experiments = [one.experiment_id for one in client.search_experiments()]
    [run] = client.search_runs(experiments, f"tags.`{GENERATOR_TAG}` = 'shapes'")
    assert run.info.status == "FINISHED"
    assert run.data.params["steps"] == "8"
    assert run.data.metrics["images"] == len(kept)
    assert {"loss.fold0", "loss.fold1"} <= set(run.data.metrics)
    assert {"gates.json", "samples"} <= {one.path for one in client.list_artifacts(run.info.run_id)}

    again = equipoise(workspace, "run")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "synthesize@shapes" not in again.stdout or "unchanged" in again.stdout.lower()
