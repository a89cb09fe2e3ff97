"""A strategy's model that tells dark images from light ones, in a workspace of its own: made in a second."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from tasks.features.backbones.efficientnet_lite0 import EfficientNetLite0
from tasks.features.embedding import embed
from tasks.train.families.nearest_class_mean import NearestClassMean, NearestMeans
from tasks.train.models import Model, save_model
from tasks.train.posthoc.none import Unchanged

CLASSES = ["dark", "light"]
BACKBONE = EfficientNetLite0(image_size=32)


def make_workspace(root: Path, repository: Path) -> Path:
    """A workspace with the strategy ``tiny`` and a leaderboard that recommends it; returns the model's folder."""
    files = []
    for label, level in (("dark", 30), ("light", 220)):
        files.append(root / f"{label}.png")
        Image.new("L", (20, 20), level).save(files[-1])
    return write_model(root, repository, embed(files, BACKBONE, 16, workers=1), [0, 1])


def write_model(root: Path, repository: Path, vectors: np.ndarray, labels: Sequence[int]) -> Path:
    """The same of given feature vectors, shape (n, d), whose classes are `labels`."""
    centre = vectors.mean(axis=0)
    means = np.stack([vectors[np.array(labels) == code].mean(axis=0) - centre for code in range(2)])
    means *= 10 / np.linalg.norm(means, axis=1, keepdims=True)
    family = NearestClassMean(backbone="mine")
    fitted = NearestMeans("mine", None, np.full(2, 0.5), {"centre": centre, "means": means.astype(np.float32)})
    folder = root / "models" / "tiny"
    folder.mkdir(parents=True)
    save_model(Model(CLASSES, family, Unchanged(), (fitted,), None, BACKBONE, 16), folder, {})
    board = root / "reports" / "compare" / "leaderboard.json"
    board.parent.mkdir(parents=True)
    board.write_text(json.dumps({"recommended": "tiny"}))
    for name in ("params.yaml", "dvc.yaml"):
        (root / name).write_bytes((repository / name).read_bytes())
    return folder


def make_images(folder: Path) -> Path:
    """Images, one of them below another folder, and a file that is none."""
    (folder / "deep").mkdir(parents=True)
    Image.new("RGB", (40, 30), (20, 20, 25)).save(folder / "a.png")
    Image.new("RGB", (40, 30), (230, 225, 230)).save(folder / "deep" / "b.jpg")
    (folder / "notes.txt").write_text("no image")
    (folder / ".hidden").write_text("left out")
    return folder
