"""A small project with a pretrained backbone, for tests; as a script one fit, which a test may kill.

    python pretrain_project.py FOLDER OUT

pretrains with checkpoints in FOLDER and writes the weights to OUT.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from ruamel.yaml import YAML

from tasks.pretrain.methods.simclr import SimClr
from tasks.pretrain.training import Pretraining
from tasks.tables import BALANCED, CATALOG, SPLITS
from tasks.workspace import Workspace

ROOT = Path(__file__).parents[2]
CLASSES = ["crack", "fine", "stain"]
EACH = 16  # images a class: 4 of them test images, the others in two folds
UNLABELLED = 6
NETWORK = {"name": "resnet", "depth": 8}
TINY: dict[str, Any] = {"name": "simclr", "network": NETWORK, "epochs": 2, "batch_size": 16}
NOTHING = {
    "recipe": "natural",
    "loss": {"name": "none"},
    "sampler": {"name": "natural"},
    "mixing": {"name": "none"},
    "schedule": {"name": "constant"},
    "posthoc": {"name": "none"},
}
LOSS = {"loss": {"name": "cross_entropy"}}


def picture(code: int, number: int, size: int = 32) -> np.ndarray:
    """A noisy picture in which a class has its own colour and stripes."""
    pixels = np.random.default_rng((code, number)).normal(90, 25, (size, size, 3))
    pixels[..., code % 3] += 60
    pixels[:: 2 + code] += 30
    return pixels.clip(0, 255).astype(np.uint8)


def make_project(
    root: Path, method: dict[str, Any] = TINY, strategies: dict[str, dict[str, Any]] | None = None
) -> Workspace:
    """Images, catalog, splits and a recipe with a new image of each crack; ``pretrain.own`` is `method`."""
    from tasks.ingest import stage as ingest

    yaml = YAML(typ="safe", pure=True)
    params = yaml.load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["ingest"]["min_images"] = 2
    params["train"]["seeds"] = 1
    params["pretrain"] = {"own": method}
    params["strategies"] |= strategies or {}
    yaml.dump(params, root / "params.yaml")
    raw = root / "data" / "raw"
    for code, label in enumerate(CLASSES):
        (raw / label).mkdir(parents=True)
        for number in range(EACH):
            Image.fromarray(picture(code, number)).save(raw / label / f"{number:02}.png")
    for number in range(UNLABELLED):
        Image.fromarray(picture(number % 3, 100 + number)).save(raw / f"{number:02}.png")
    ingest.run(Workspace(root, "ingest"), "")
    workspace = Workspace(root, "pretrain@own")
    splits = splits_of(workspace.read(CATALOG))
    for name, table, rows in (
        ("splits", SPLITS, splits),
        ("balanced/natural", BALANCED, balanced_of(splits, root)),
    ):
        folder = root / "data" / name
        folder.mkdir(parents=True, exist_ok=True)
        table.write(rows, folder / table.file)
    return workspace


def splits_of(catalog: pd.DataFrame) -> pd.DataFrame:
    """Of each class 4 test images and two folds; the unlabelled image 00 is a relative of one in fold 0, 01 of a test
    image."""
    rows = catalog.sort_values(["label", "path"])[["image_id", "label", "path"]].reset_index(drop=True)
    at = rows.groupby("label").cumcount()
    known = rows["label"].notna()
    part = np.where(known & (at < 4), "test", np.where(known, "train", "excluded"))
    rows["group"], ids = rows["image_id"], rows.set_index("path")["image_id"]
    for path, relative in {"00.png": "crack/04.png", "01.png": "fine/00.png"}.items():
        rows.loc[rows["path"] == path, "group"] = ids[relative]
    fold = (at % 2).where(part == "train").astype("Int16")
    return rows.drop(columns="path").assign(part=part, repeat=0, fold=fold)


def balanced_of(splits: pd.DataFrame, root: Path) -> pd.DataFrame:
    rows = []
    for row in splits[splits["part"] == "train"].itertuples():
        common = {"label": row.label, "parents": [row.image_id], "parameters": "{}", "fold": int(row.fold)}
        rows.append(common | {"row_id": row.image_id, "origin": "original", "operation": "original"})
        if row.label == "crack":
            file = root / "data" / "balanced" / "natural" / f"{row.image_id}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture(0, 200 + len(rows), 40)).save(file)
            new = {"row_id": f"{row.image_id}-n1", "origin": "augmented", "operation": "flip", "file": file.name}
            rows.append(common | new)
    return pd.DataFrame(rows).assign(fitted_on=None, second_label=None, second_share=np.nan)


def pretraining(folder: Path | None = None, number: int = 40, **settings: Any) -> Pretraining:
    """A fit on some pictures."""
    method = SimClr.model_validate({**TINY, **settings})
    pixels = np.stack([picture(at % 3, at) for at in range(number)])
    return Pretraining(method, pixels, np.arange(number), folder)


def saved(fit: Pretraining) -> bytes:
    """The weights as bytes."""
    from safetensors.torch import save

    return save(fit.state)


if __name__ == "__main__":
    checkpoints, out = map(Path, sys.argv[1:])
    made = pretraining(checkpoints, epochs=12)
    list(made.run())
    out.write_bytes(saved(made))
