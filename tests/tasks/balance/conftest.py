"""A small imbalanced training set: ids and hashes as content would give them."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from balance_project import PHOTOS, project_of, training_rows, write_photos

from tasks.lineage import TrainingSet
from tasks.workspace import Workspace

COUNTS = {"common": 40, "rare": 7, "middling": 15}


@pytest.fixture(scope="session")
def training_of() -> Callable[[dict[str, int]], TrainingSet]:
    """Make a training set with so many images a class, in five folds."""

    def make(counts: dict[str, int]) -> TrainingSet:
        rows = []
        for label, count in counts.items():
            for number in range(count):
                sha256 = hashlib.sha256(f"{label}{number}".encode()).hexdigest()
                rows.append(
                    {
                        "image_id": sha256[:16],
                        "path": f"{label}/{number}.png",
                        "sha256": sha256,
                        "label": label,
                        "part": "train",
                        "fold": number % 5,
                        "group": sha256[:16],
                        "depth": 8,
                        "width": 8,
                        "height": 6,
                    }
                )
        return TrainingSet(pd.DataFrame(rows).sort_values("image_id", ignore_index=True))

    return make


@pytest.fixture(scope="session")
def training(training_of: Callable[[dict[str, int]], TrainingSet]) -> TrainingSet:
    return training_of(COUNTS)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Photos: one more a class than `PHOTOS` says."""
    write_photos(tmp_path / "data" / "raw", {label: count + 1 for label, count in PHOTOS.items()})
    return tmp_path / "data" / "raw"


@pytest.fixture
def training_in(raw: Path) -> Callable[[dict[str, int]], TrainingSet]:
    """Make a training set of so many photos a class."""
    return lambda counts: TrainingSet(training_rows(raw, counts))


@pytest.fixture
def workspace(repository: Path, tmp_path: Path) -> Workspace:
    """A project with the photos, and one test image of each class."""
    return project_of(tmp_path, repository, PHOTOS)
