"""Images of a generator before the gates: what they drop leaves no file and no row, and everything is written down."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from shapes import SIDE, real_images

from tasks.features.backbones.efficientnet_lite0 import EfficientNetLite0
from tasks.lineage import TrainingSet, prove_no_leak
from tasks.synthesize import SHEETS
from tasks.synthesize.folds import Places, synthesize
from tasks.synthesize.gates.settings import Selection
from tasks.synthesize.gating import SPARE, Gates
from tasks.synthesize.generators import Examples, FittedGenerator, Generator, Synthetic, Wanted
from tasks.synthesize.journal import ALONE, Journal
from tasks.tables import SPLITS

GATES = Gates(EfficientNetLite0(image_size=48), Selection(), max_size=10, surplus=0.5, workers=1)


class Known(Generator):
    """Gives back its own examples, the same over and over, or those of another class."""

    name: Literal["known"] = "known"
    of: Literal["own", "one", "other", "new"] = "own"

    def fit(self, examples: Examples, seed: int, journal: Journal = ALONE) -> FittedGenerator:
        return FittedKnown(self.of, examples)


@dataclass
class FittedKnown(FittedGenerator):
    of: str
    examples: Examples

    @property
    def digest(self) -> str:
        return "none"

    def sample(self, wanted: Iterable[Wanted]) -> Iterator[Synthetic]:
        labels = self.examples.labels
        fresh = iter(
            real_images(dict.fromkeys(self.examples.classes, 40), seed=99).pixels.reshape(-1, 40, SIDE, SIDE, 3)[0]
        )
        for number, one in enumerate(wanted):
            own = self.examples.pixels[(labels != one.label) if self.of == "other" else (labels == one.label)]
            yield Synthetic(next(fresh) if self.of == "new" else own[0 if self.of == "one" else number % len(own)])


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainingSet, pd.DataFrame]:
    """Files of shapes in five folds: 60 discs, 20 bars."""
    raw, real, rows = tmp_path_factory.mktemp("raw"), real_images({"bar": 20, "disc": 60}), []
    for number, (pixels, label) in enumerate(zip(real.pixels, real.labels, strict=True)):
        path = raw / f"{number}.png"
        Image.fromarray(pixels).save(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        rows.append((digest[:16], path.name, digest, 8, SIDE, SIDE, digest[:16], str(label), "train", 0, number % 5))
    names = [*("image_id", "path", "sha256", "depth", "width", "height", "group", "label", "part", "repeat", "fold")]
    frame = pd.DataFrame(rows, columns=names).astype({"fold": "Int16"})
    splits = SPLITS.check(frame[SPLITS.schema.names]).to_pandas()
    return raw, TrainingSet.of(frame[["image_id", "path", "sha256", "depth", "width", "height"]], splits), splits


def make(
    training: tuple[Path, TrainingSet, pd.DataFrame], folder: Path, of: str, gates: Gates | None = GATES
) -> pd.DataFrame:
    folder.mkdir()
    generator = Known.model_validate({"images": 20, "image_size": SIDE, "of": of})
    table = synthesize(training[1], generator, gates, seed=0, places=Places(training[0], folder), workers=1)
    prove_no_leak(table, training[2])
    assert {str(file.relative_to(folder)) for file in folder.rglob("images/*/*.png")} == set(table["file"])
    return table


def reasons(folder: Path) -> dict[str, int]:
    return {
        str(name): int(count) for name, count in pd.read_csv(folder / "dropped.csv")["reason"].value_counts().items()
    }


def test_planted_training_images_leave_nothing(training, tmp_path):
    table = make(training, tmp_path / "out", "own")
    assert table.empty
    assert set(reasons(tmp_path / "out")) <= {"near-copy", "other class"}
    assert sum(reasons(tmp_path / "out").values()) == 30  # half more than the 20 that were asked for
    found = json.loads((tmp_path / "out" / "gates.json").read_text())
    assert found["backbone"] == "efficientnet_lite0"
    assert found["overall"]["memorisation"]["near_copies"]["value"] == 1
    assert (tmp_path / "out" / SHEETS / "near copies.png").is_file()
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["classes"]["bar"] == {"training": 20, "synthetic": 0}


def test_planted_images_of_another_class_leave_few(training, tmp_path):
    table = make(training, tmp_path / "out", "other")
    assert len(table) <= 5
    assert reasons(tmp_path / "out")["other class"] >= 20


def test_without_gates_everything_stays_and_nothing_is_made_in_excess(training, tmp_path):
    table = make(training, tmp_path / "out", "own", None)
    assert len(table) == 20
    assert not (tmp_path / "out" / "gates.json").exists()


def test_what_is_kept_is_what_was_asked_for_the_first_by_number_and_the_rest_is_spare(training, tmp_path):
    lenient = Gates(GATES.backbone, Selection(confidence=0, near_copies=False, duplicates=False), 10, 0.5, 1)
    table = make(training, tmp_path / "out", "own", lenient)
    assert table["fold"].value_counts().to_dict() == dict.fromkeys(range(5), 4)
    assert reasons(tmp_path / "out") == {SPARE: 10}
    numbers = table["parameters"].map(lambda text: json.loads(text)["number"])
    assert sorted(numbers) == sorted([0, 1, 2, 3] * 5)


def test_the_same_images_are_kept_whatever_the_number_of_processes(training, tmp_path):
    one = make(training, tmp_path / "one", "new")
    two = Gates(GATES.backbone, GATES.selection, 10, 0.5, workers=2)
    assert make(training, tmp_path / "two", "new", two).equals(one)
    assert (tmp_path / "two" / "gates.json").read_bytes() == (tmp_path / "one" / "gates.json").read_bytes()
    sheets = sorted(file.name for file in (tmp_path / "one" / SHEETS).iterdir())
    assert "bar.png" in sheets


def test_images_that_are_made_are_embedded_as_files_are(tmp_path):
    from tasks.features.embedding import embed, embed_pixels

    pixels = real_images({"bar": 5}).pixels
    files = [tmp_path / f"{number}.png" for number in range(5)]
    for file, one in zip(files, pixels, strict=True):
        Image.fromarray(one).save(file)
    expected = embed(files, GATES.backbone, 8, 1)
    assert np.array_equal(embed_pixels(pixels, GATES.backbone, 1), expected)
