"""Images made to have a property or not, and what `explore` measures on them: shared by the tests of that stage."""

import hashlib
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from tasks.explore.checks import Finding
from tasks.explore.dataset import Dataset
from tasks.explore.measure import measure_images, measure_pictures
from tasks.explore.picture import Picture
from tasks.explore.registered_checks import all_checks, measure_titles
from tasks.features import Features
from tasks.fingerprints import sharpness
from tasks.images import open_image, to_rgb
from tasks.params.models import Explore
from tasks.row_store import RowStore
from tasks.tables import PAIRS, REJECTED

EVIL = "<b>x</b>"
PLAIN = "plain"


def noise(seed: int, width: int = 64, height: int = 64, mean: float = 128, spread: float = 30) -> Image.Image:
    values = np.random.default_rng(seed).normal(mean, spread, (height, width))
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


def _paint(image: Image.Image, change: np.ndarray | float) -> Image.Image:
    """An image with its values changed, clipped to what a pixel can be."""
    return Image.fromarray((np.asarray(image, dtype=float) + change).clip(0, 255).astype(np.uint8))


def tinted(seed: int, tint: tuple[int, int, int]) -> Image.Image:
    """Noise in colour."""
    return _paint(noise(seed).convert("RGB"), np.array(tint))


def striped(seed: int) -> Image.Image:
    """Noise that is the same from top to bottom."""
    return noise(seed, height=1).resize((64, 64))


def framed(seed: int, brighter: float, border: int = 8) -> Image.Image:
    """Noise, but for an even border."""
    image = Image.new("L", (64, 64), int(128 + brighter))
    image.paste(noise(seed, 64 - 2 * border, 64 - 2 * border), (border, border))
    return image


def shaded(seed: int, gain: float = 80) -> Image.Image:
    """Noise that is brighter on the right."""
    return _paint(noise(seed), np.linspace(-gain / 2, gain / 2, 64))


def covered(seed: int) -> Image.Image:
    """Noise of little contrast, with something bright that reaches in from below."""
    image = noise(seed, spread=8)
    image.paste(255, (16, 40, 48, 64))
    return image


def measures_of(image: Image.Image) -> dict[str, float]:
    return measure_pictures([Picture.of(image, 16)])[0]


def catalog_of(raw: Path) -> pd.DataFrame:
    """What `explore` takes from the catalog, of all files in a folder, in order of their names."""
    rows = []
    for path in sorted(raw.iterdir()):
        decoded = open_image(path)
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        facts = {"path": path.name, "paths": [path.name], "sha256": sha256, "bytes": path.stat().st_size}
        size = {
            "width": decoded.width,
            "height": decoded.height,
            "sharpness": sharpness(np.asarray(to_rgb(decoded.image, 16).convert("L"))),
        }
        read = {"format": decoded.format, "mode": decoded.mode, "orientation": decoded.orientation, "depth": 8}
        rows.append({"image_id": sha256[:16], **facts, **size, **read})
    return pd.DataFrame(rows)


def measured(raw: Path, catalog: pd.DataFrame, workers: int = 1) -> pd.DataFrame:
    with tempfile.TemporaryDirectory() as store:
        return measure_images(raw, catalog, workers, RowStore(Path(store)))


def build(root: Path, images: list[tuple[str | None, str, Image.Image]], **tables: Any) -> tuple[Dataset, Path]:
    """A dataset of images given as label, part and pixels; other tables are empty unless given."""
    raw = root / "raw"
    raw.mkdir(parents=True)
    for number, (_, _, image) in enumerate(images):
        image.save(raw / f"{number:03}.png")
    catalog = catalog_of(raw).assign(
        label=[label for label, _, _ in images], split=[part for _, part, _ in images], group=None, part=None
    )
    groups = pd.DataFrame({"image_id": catalog["image_id"], "group": catalog["image_id"]})
    splits = pd.DataFrame({"image_id": catalog["image_id"], "part": catalog["split"], "repeat": 0})
    dataset = Dataset.of(
        catalog.drop(columns="split"),
        groups=tables.get("groups", groups),
        pairs=tables.get("pairs", PAIRS.empty()),
        splits=splits,
        rejected=tables.get("rejected", REJECTED.empty()),
        measures=measured(raw, catalog),
        features=tables.get("features", Features(catalog["image_id"].tolist(), np.zeros((len(catalog), 4)))),
        params=Explore(backbone="toy"),
        measure_titles=measure_titles(),
    )
    return dataset, raw


def two_classes(first: list[Image.Image], second: list[Image.Image]) -> list[tuple[str | None, str, Image.Image]]:
    return [(EVIL, "train", image) for image in first] + [(PLAIN, "train", image) for image in second]


def finding(dataset: Dataset, check: str) -> Finding:
    return all_checks()[check].summarise(dataset)
