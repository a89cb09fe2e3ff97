"""A small project with real images, as far as the stage `balance` needs one."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from tasks.features import Features
from tasks.tables import CATALOG, SPLITS
from tasks.workspace import Workspace

PHOTOS = {"Common": 12, "rare one": 3}
FOLDS = 3


def write_photos(raw: Path, counts: dict[str, int]) -> None:
    """Noise, so that no two images are alike; `<class>/<number>.png`, grey, 24 x 20."""
    rng = np.random.default_rng(0)
    for label, count in counts.items():
        (raw / label).mkdir(parents=True)
        for number in range(count):
            Image.fromarray(rng.integers(0, 256, (20, 24), dtype=np.uint8)).save(raw / label / f"{number}.png")


def training_rows(raw: Path, counts: dict[str, int]) -> pd.DataFrame:
    """The first images of each class as rows of a training set."""
    rows = []
    for label, count in counts.items():
        for number in range(count):
            sha256 = hashlib.sha256((raw / label / f"{number}.png").read_bytes()).hexdigest()
            row = {"image_id": sha256[:16], "path": f"{label}/{number}.png", "sha256": sha256, "label": label}
            row |= {"part": "train", "fold": number % FOLDS, "group": sha256[:16]}
            rows.append(row | {"depth": 8, "width": 24, "height": 20})
    return pd.DataFrame(rows).sort_values("image_id", ignore_index=True)


def project_of(root: Path, repository: Path, counts: dict[str, int]) -> Workspace:
    """A project whose catalog, features and splits are written; there is one test image more of each class."""
    raw = root / "data" / "raw"
    everything = {label: count + 1 for label, count in counts.items()}
    write_photos(raw, everything)
    rows = training_rows(raw, everything)
    blank = {"group": None, "mode": "L", "format": "PNG", "frames": 1, "bytes": 1, "pixels": ""}
    blank |= {"taken": None, "camera": None, "orientation": 1, "latitude": None, "longitude": None}
    blank |= {"dpi": None, "jpeg_quality": None, "sharpness": 1.0}
    catalog = rows.assign(**blank, paths=rows["path"].map(lambda path: [path]), part=None)
    catalog["phash"] = [[]] * len(catalog)
    test = rows["path"].isin([f"{label}/{count}.png" for label, count in counts.items()])
    splits = rows.assign(repeat=0, part=np.where(test, "test", "train"), fold=rows["fold"].astype("Int16").mask(test))
    for name in ("catalog", "features/efficientnet_lite0", "splits"):
        (root / "data" / name).mkdir(parents=True)
    CATALOG.write(catalog[CATALOG.schema.names], root / "data" / "catalog" / "catalog.parquet")
    SPLITS.write(splits[SPLITS.schema.names], root / "data" / "splits" / "splits.parquet")
    features = np.random.default_rng(0).normal(size=(len(rows), 4)).astype(np.float32)
    Features(rows["image_id"].tolist(), features).save(root / "data" / "features" / "efficientnet_lite0", {})
    shutil.copy(repository / "params.yaml", root / "params.yaml")
    return Workspace(root)
