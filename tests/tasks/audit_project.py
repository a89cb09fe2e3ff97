"""A small project on generated images, for the tests of the audit; the stages themselves take it up to its models."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw
from ruamel.yaml import YAML

from tasks.tables import CATALOG, SPLITS
from tasks.workspace import Workspace

ROOT = Path(__file__).parents[2]
SIDE = 64
BACKBONE = "efficientnet_lite0"  # the item's name, whatever network it is
COUNTS = {"common": 140, "rare": 36}
AUDITED = 100  # the default
FOLDS = 3


def texture(stream: np.random.Generator) -> np.ndarray:
    """A smooth random ground with fine noise, shape (`SIDE`, `SIDE`, 3), float."""
    coarse = Image.fromarray(stream.integers(70, 190, (5, 5, 3), dtype=np.uint8))
    ground = np.asarray(coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC), dtype=float)
    return ground + stream.normal(0, 4, (SIDE, SIDE, 1))


def photo(stream: np.random.Generator, label: str) -> Image.Image:
    """A texture with a disc, and for the rare class a cross, somewhere: what the classes differ in is content."""
    image = Image.fromarray(texture(stream).clip(0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    x, y = (int(value) for value in stream.integers(18, SIDE - 18, 2))
    tone = tuple(int(value) for value in stream.integers(40, 110, 3))
    if label == "common":
        pen.ellipse((x - 6, y - 6, x + 6, y + 6), fill=tone)
    else:
        pen.line((x - 7, y - 7, x + 7, y + 7), fill=tone, width=4)
        pen.line((x - 7, y + 7, x + 7, y - 7), fill=tone, width=4)
    return image


def make_project(root: Path, recipes: dict[str, dict[str, Any]], backbone: str = "efficientnet_lite0") -> Workspace:
    """Generate the images, embed and split them; ``params.yaml`` has `recipes` and a strategy of each name."""
    yaml = YAML()
    params = yaml.load((ROOT / "params.yaml").read_text())
    params["ingest"]["min_images"] = 10
    params["backbones"] = {BACKBONE: {"name": backbone, "image_size": SIDE}}
    params["split"]["folds"] = FOLDS
    params["train"]["seeds"] = 2
    blank = {kind: {"name": "none"} for kind in ("resample", "augment", "preset", "mixed")}
    blank["synthetic"] = {"generator": "none"}
    params["recipes"] = {"natural": blank} | {name: blank | given for name, given in recipes.items()}
    settings = {"steps": 100, "batch_size": 64, "learning_rate": 0.005}
    plain = dict(params["strategies"]["plain"]) | {"family": {"name": "head", "backbone": BACKBONE, **settings}}
    params["strategies"] = {"plain": plain} | {name: plain | {"recipe": name} for name in recipes}
    root.mkdir(parents=True, exist_ok=True)
    with (root / "params.yaml").open("w") as file:
        yaml.dump(params, file)
    stream = np.random.default_rng(0)
    for label, count in COUNTS.items():
        folder = root / "data" / "raw" / label
        folder.mkdir(parents=True)
        for number in range(count):
            photo(stream, label).save(folder / f"{number:03}.png")
    workspace = Workspace(root)
    run(workspace, "ingest", f"embed@{BACKBONE}")
    split(workspace)
    return workspace


def split(workspace: Workspace) -> None:
    """Rare images come as pairs of relatives; the last ten of each class are the test part."""
    catalog = CATALOG.read(workspace.path("data", "catalog", "catalog.parquet"))
    rows = []
    for label, own in catalog.sort_values("path").groupby("label"):
        for number, image in enumerate(own["image_id"]):
            pair = number // 2
            part, fold = ("test", None) if number >= len(own) - 10 else ("train", pair % FOLDS)
            group = own["image_id"].iloc[2 * pair] if label == "rare" else image
            rows.append((image, group, label, part, 0, fold))
    splits = pd.DataFrame(rows, columns=SPLITS.schema.names).astype({"repeat": "int16", "fold": "Int16"})
    folder = workspace.path("data", "splits")
    folder.mkdir(parents=True, exist_ok=True)
    SPLITS.write(splits, folder / "splits.parquet")


def run(workspace: Workspace, *stages: str) -> None:
    """Run stages, in this process; ``stage@name`` for those that have several."""
    for stage in stages:
        module, _, name = stage.partition("@")
        importlib.import_module(f"tasks.{module}.stage").run(workspace, name)


def audited(workspace: Workspace, recipe: str) -> None:
    """Everything from the recipe's set to its audit."""
    run(workspace, f"balance@{recipe}", f"embed_new@{recipe}", f"train@{recipe}", f"audit@{recipe}")
