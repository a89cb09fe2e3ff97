"""synthesize: generated images of rare classes, each made by a model that saw one fold's training rows and no more."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw

from tasks.errors import InputError
from tasks.lineage import TrainingSet, prove_no_leak
from tasks.synthesize.folds import Places, synthesize
from tasks.synthesize.generators import Examples, FittedGenerator, Generator, Synthetic, Wanted
from tasks.synthesize.generators.diffusion import Diffusion
from tasks.synthesize.journal import ALONE, Journal
from tasks.synthesize.orders import plan, read_examples
from tasks.tables import BALANCED, SPLITS

SIDE = 16
NETWORK = {"name": "patches", "width": 8, "blocks": 1}
TINY = Diffusion.model_validate(
    {"images": 3, "image_size": SIDE, "network": NETWORK, "steps": 2, "batch_size": 4, "sampling_steps": 2}
)


def draw(path: Path, label: str, number: int) -> None:
    """A square or a circle in a grey of its own, on another grey."""
    image = Image.new("L", (20, 24), 40)
    place = (4, 5, 14, 15)
    pen = ImageDraw.Draw(image)
    (pen.rectangle if label == "Squares" else pen.ellipse)(place, fill=100 + number)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def shapes(raw: Path, layout: list[tuple[str, str, int | None]]) -> tuple[TrainingSet, pd.DataFrame]:
    """Draw images below `raw`; `layout` holds class, part and fold of each. Returns training set and splits."""
    rows = []
    for number, (label, part, fold) in enumerate(layout):
        path = raw / label / f"{number}.png"
        draw(path, label, number)
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        rows.append(
            {
                "image_id": sha256[:16],
                "path": f"{label}/{number}.png",
                "sha256": sha256,
                "depth": 8,
                "width": 20,
                "height": 24,
                "group": sha256[:16],
                "label": label,
                "part": part,
                "repeat": 0,
                "fold": fold,
            }
        )
    frame = pd.DataFrame(rows).astype({"fold": "Int16"})
    splits = SPLITS.check(frame[SPLITS.schema.names]).to_pandas()
    return TrainingSet.of(frame[["image_id", "path", "sha256", "depth", "width", "height"]], splits), splits


LAYOUT: list[tuple[str, str, int | None]] = [
    *[("Squares", "train", fold) for fold in (0, 1) for _ in range(6)],
    *[("Circles", "train", fold) for fold in (0, 1) for _ in range(2)],
    *[("Squares", "test", None), ("Circles", "test", None), ("Circles", "excluded", None)],
]


def make(raw: Path, folder: Path, training: TrainingSet, generator: Generator = TINY, seed: int = 0) -> pd.DataFrame:
    folder.mkdir()
    return synthesize(training, generator, None, seed=seed, places=Places(raw, folder), workers=1)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainingSet, pd.DataFrame, pd.DataFrame, Path]:
    """Raw folder, training set, splits, the synthetic table and the folder of a tiny run.

    The files of evaluation images are gone before it: a look at one would fail.
    """
    root = tmp_path_factory.mktemp("shapes")
    training, splits = shapes(root / "raw", LAYOUT)
    for number, (label, part, _) in enumerate(LAYOUT):
        if part != "train":
            (root / "raw" / label / f"{number}.png").unlink()
    table = make(root / "raw", root / "out", training)
    return root / "raw", training, splits, table, root / "out"


def test_rare_classes_get_the_images_asked_for_and_the_largest_none(made):
    _, _, _, table, folder = made
    assert table["label"].value_counts().to_dict() == {"Circles": 3}
    assert sorted(table["fold"]) == [0, 0, 1]
    assert json.loads((folder / "summary.json").read_text()) == {
        "classes": {"Circles": {"training": 4, "synthetic": 3}, "Squares": {"training": 12, "synthetic": 0}},
        "folds": {"0": {"fitted_on": 8, "synthetic": 2}, "1": {"fitted_on": 8, "synthetic": 1}},
    }


def test_every_image_names_the_rows_it_descends_from_and_all_lie_in_its_fold(made):
    _, training, splits, table, folder = made
    prove_no_leak(table, splits)
    assert BALANCED.check(BALANCED.read(folder / "synthetic.parquet")).equals(BALANCED.check(table))
    fold_of = dict(zip(training.rows["image_id"], training.rows["fold"], strict=True))
    label_of = dict(zip(training.rows["image_id"], training.rows["label"], strict=True))
    for row in table.itertuples():
        assert row.origin == "synthetic"
        assert row.operation == "diffusion"
        assert sorted(row.fitted_on) == sorted(image for image in fold_of if fold_of[image] == row.fold)
        assert sorted(row.parents) == sorted(image for image in row.fitted_on if label_of[image] == row.label)
        assert json.loads(row.parameters)["steps"] == 2


def test_a_fold_trains_without_images_of_the_model_that_saw_it(made):
    _, training, splits, table, _ = made
    for fold in (0, 1):
        judges = set(training.rows.loc[training.rows["fold"] == fold, "image_id"])
        for row in TrainingSet.of_split(splits).outside_fold(table, fold).itertuples():
            assert not judges & set(row.fitted_on)


def test_images_have_the_size_of_the_parameter_and_the_colours_of_the_originals(made):
    _, _, _, table, folder = made
    files = {str(path.relative_to(folder)) for path in folder.rglob("*.png")}
    assert files == set(table["file"])
    for name in files:
        assert name.startswith("images/circles/")
        with Image.open(folder / name) as image:
            pixels = np.asarray(image.convert("RGB"))
        assert pixels.shape == (SIDE, SIDE, 3)
        assert (pixels == pixels[..., :1]).all()  # all originals are grey


def test_the_same_rows_and_seed_give_the_same_bytes_and_another_seed_does_not(made, tmp_path):
    raw, training, _, table, folder = made
    np.random.default_rng().random(3)
    make(raw, tmp_path / "again", training)
    assert contents(tmp_path / "again") == contents(folder)
    other = make(raw, tmp_path / "other", training, seed=1)
    assert not set(other["row_id"]) & set(table["row_id"])


def test_more_images_leave_those_that_were_made_before_as_they_are(made, tmp_path):
    raw, training, _, _, folder = made
    make(raw, tmp_path / "more", training, TINY.model_copy(update={"images": 5}))
    before = {name: data for name, data in contents(folder).items() if name.endswith(".png")}
    after = contents(tmp_path / "more")
    assert before.items() <= after.items()
    assert sum(name.endswith(".png") for name in after) == 5


def test_a_changed_image_changes_only_what_the_model_of_its_fold_makes(made, tmp_path):
    _, _, _, table, folder = made
    extra = ("Squares", "train", 1)
    training, _ = shapes(tmp_path / "raw", [*LAYOUT, extra])
    changed = make(tmp_path / "raw", tmp_path / "out", training)
    kept = set(table.loc[table["fold"] == 0, "row_id"])
    assert set(changed["row_id"]) & set(table["row_id"]) == kept
    after = contents(tmp_path / "out")
    for name in table.loc[table["fold"] == 0, "file"]:
        assert after[name] == (folder / name).read_bytes()


def test_a_model_sees_the_images_of_its_fold_only(made):
    raw, training, _, _, _ = made
    [first, _] = plan(training, 3)
    examples = read_examples(first.rows, training.classes, first.fold, raw, SIDE)
    assert examples.pixels.shape == (8, SIDE, SIDE, 3)
    assert sorted(examples.labels) == [0, 0, *[1] * 6]
    brightest = examples.pixels.max(axis=(1, 2, 3))  # image number n is drawn in grey 100 + n
    assert {round(float(value)) - 100 for value in brightest} == {0, 1, 2, 3, 4, 5, 12, 13}


def test_the_number_made_never_lifts_a_class_above_the_largest(tmp_path):
    training, _ = shapes(tmp_path, LAYOUT)
    orders = plan(training, 1000)
    assert {order.fold: order.counts for order in orders} == {0: {"Circles": 4}, 1: {"Circles": 4}}


def test_only_folds_in_which_a_class_occurs_make_images_of_it(tmp_path):
    layout = [("Squares", "train", fold) for fold in (0, 1, 2) for _ in range(4)] + [("Circles", "train", 2)]
    training, _ = shapes(tmp_path, layout)
    assert {order.fold: order.counts for order in plan(training, 7)} == {2: {"Circles": 7}}


def test_classes_of_equal_size_need_no_images(tmp_path):
    layout = [(label, "train", fold) for label in ("Squares", "Circles") for fold in (0, 1)]
    training, _ = shapes(tmp_path / "raw", layout)
    table = make(tmp_path / "raw", tmp_path / "out", training)
    assert table.empty
    assert BALANCED.read(tmp_path / "out" / "synthetic.parquet").empty


def test_a_size_that_the_network_cannot_halve_is_refused():
    with pytest.raises(
        ValueError, match="image_size: 18 is no multiple of 4, which the network 'patches' needs; write 16"
    ):
        Diffusion(image_size=18)


def test_a_missing_image_is_told_with_its_path(tmp_path):
    training, _ = shapes(tmp_path / "raw", LAYOUT)
    (tmp_path / "raw" / "Squares" / "0.png").unlink()
    with pytest.raises(InputError, match=r"0\.png"):
        make(tmp_path / "raw", tmp_path / "out", training)


def test_the_diffusion_model_learns_what_tells_the_classes_apart():
    labels = np.arange(32) % 2
    pixels = np.where(labels[:, None, None, None] == 0, 60, 200).astype(np.uint8).repeat(SIDE, 1).repeat(SIDE, 2)
    examples = Examples(
        0, pixels.repeat(3, 3), labels.astype(np.int64), ["dark", "bright"], [str(row) for row in range(len(labels))]
    )
    settings = {"steps": 150, "batch_size": 8, "network": NETWORK, "sampling_steps": 4, "learning_rate": 0.004}
    model = Diffusion.model_validate(settings | {"image_size": SIDE})
    fitted = model.fit(examples, 0)
    images = np.stack([one.pixels for one in fitted.sample([Wanted(number % 2, number) for number in range(8)])])
    means = images.mean(axis=(1, 2, 3))
    assert means[0::2].max() < 130 < means[1::2].min()


class Copies(Generator):
    """Makes an image from one image: its parent is that one alone."""

    name: Literal["copies"] = "copies"
    stranger: bool = False  # whether it names a parent of another class

    def fit(self, examples: Examples, seed: int, journal: Journal = ALONE) -> FittedGenerator:
        return FittedCopies(examples, self.stranger)


@dataclass
class FittedCopies(FittedGenerator):
    examples: Examples
    stranger: bool

    @property
    def digest(self) -> str:
        return "none"

    def sample(self, wanted: Iterable[Wanted]) -> Iterator[Synthetic]:
        for one in wanted:
            own = np.flatnonzero((self.examples.labels == one.label) != self.stranger)
            start = int(own[one.seed % len(own)])
            parent = self.examples.ids[start]
            yield Synthetic(self.examples.pixels[start], (parent,), {"strength": 0.5})


def test_an_image_made_from_an_image_names_it_as_its_parent(tmp_path):
    training, splits = shapes(tmp_path / "raw", LAYOUT)
    table = make(tmp_path / "raw", tmp_path / "out", training, Copies(images=3))
    prove_no_leak(table, splits)
    label_of = dict(zip(training.rows["image_id"], training.rows["label"], strict=True))
    assert len(table) == 3
    for row in table.itertuples():
        (parent,) = row.parents
        assert label_of[parent] == row.label == "Circles"
        assert parent in row.fitted_on
        assert json.loads(row.parameters)["strength"] == 0.5


def test_a_parent_that_is_no_example_of_its_class_is_refused(tmp_path):
    training, _ = shapes(tmp_path / "raw", LAYOUT)
    with pytest.raises(ValueError, match="names parents that are no examples of its class"):
        make(tmp_path / "raw", tmp_path / "out", training, Copies(images=3, stranger=True))
