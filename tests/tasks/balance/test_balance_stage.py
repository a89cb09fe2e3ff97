"""balance as a stage: from catalog, splits and images to a folder that names every row's parents."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from balance_project import PHOTOS
from PIL import Image

from tasks.balance import stage
from tasks.balance.assemble import Resources, assemble
from tasks.balance.known import known_images
from tasks.errors import InputError
from tasks.lineage import TrainingSet, prove_no_leak
from tasks.params.models import Recipe
from tasks.tables import BALANCED, SPLITS
from tasks.workspace import Workspace


def recipe(synthetic: str = "none", **components: str | dict) -> Recipe:
    """A recipe of components, each by its name or with its settings; none where it isn't given."""
    given = {key: {"name": "none"} for key in ("resample", "augment", "preset", "mixed")}
    given |= {key: {"name": value} if isinstance(value, str) else value for key, value in components.items()}
    return Recipe.model_validate(given | {"synthetic": {"generator": synthetic}})


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def balanced(
    raw: Path, training_in: Callable[[dict[str, int]], TrainingSet], tmp_path: Path
) -> Callable[..., tuple[pd.DataFrame, Path]]:
    """Assemble a recipe; gives the table and its folder."""

    def make(name: str, chosen: Recipe, counts: dict[str, int] = PHOTOS, workers: int = 1) -> tuple[pd.DataFrame, Path]:
        folder = tmp_path / "made" / name
        folder.mkdir(parents=True)
        synthetic = tmp_path / "data" / "synthetic" / chosen.synthetic.generator
        store = Workspace(tmp_path / "stores" / name)  # one a set, so that none is taken over from another
        resources = Resources(
            raw=raw,
            synthetic=synthetic,
            features=lambda image_ids: np.array([[int(name[:4], 16), 1] for name in image_ids], dtype=np.float32),
            known=lambda specification: known_images(store, name, specification, 16),
            folder=folder,
            workers=workers,
        )
        table = assemble(training_in(counts), chosen, 0, resources)
        BALANCED.check(table)
        return table, folder

    return make


MINORITY = {"augment": "minority", "preset": "industrial"}


def to_share(share: float) -> dict:
    """New images of the rare classes, up to a share of the largest class."""
    return MINORITY | {"augment": {"name": "minority", "to": {"largest": share}}}


def test_a_recipe_without_new_images_writes_no_images(balanced: Callable[..., tuple[pd.DataFrame, Path]]) -> None:
    for resample in ("none", "undersample", "oversample"):
        table, folder = balanced(resample, recipe(resample=resample))
        assert table["file"].isna().all()
        assert set(files_of(folder)) == {"summary.json"}


def test_new_images_stand_below_their_class_and_are_told_in_the_table(
    balanced: Callable[..., tuple[pd.DataFrame, Path]],
) -> None:
    table, folder = balanced("minority", recipe(**MINORITY))
    new = table[table["origin"] == "augmented"]
    assert len(new) == 9
    assert new["file"].tolist() == [f"images/rare_one/{row_id}.png" for row_id in new["row_id"]]
    images = {name for name in files_of(folder) if name.startswith("images/")}
    assert images == set(new["file"])
    assert table.loc[table["origin"] == "original", "file"].isna().all()
    assert set(new["operation"]) == {"industrial"}
    for text in new["parameters"]:
        assert set(json.loads(text)) == {"applied", "copy", "seed", "specification"}


def test_the_summary_counts_before_and_after(balanced: Callable[..., tuple[pd.DataFrame, Path]]) -> None:
    _, folder = balanced("mixed", recipe(resample={"name": "oversample", "to": {"largest": 0.5}}, **to_share(0.5)))
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["before"] == {"Common": 12, "rare one": 3}
    assert summary["after"] == {"Common": {"original": 12}, "rare one": {"original": 3, "copy": 3}}
    assert [(one["kind"], one["rule"]) for one in summary["components"]] == [
        ("resample", "oversample"),
        ("augment", "minority"),
    ]
    assert summary["components"][0]["asked"] == {"Common": 12, "rare one": 6}
    _, folder = balanced("all", recipe(augment="all", preset="photo"))
    assert json.loads((folder / "summary.json").read_text())["after"] == {
        "Common": {"original": 12, "augmented": 12},
        "rare one": {"original": 3, "augmented": 3},
    }


def test_classes_with_new_images_have_a_small_contact_sheet(
    balanced: Callable[..., tuple[pd.DataFrame, Path]],
) -> None:
    _, folder = balanced("minority", recipe(**MINORITY))
    (sheet,) = (folder / "contact_sheets").iterdir()
    assert sheet.name == "rare_one.png"
    assert sheet.stat().st_size < 1_000_000
    with Image.open(sheet) as image:
        assert image.height > 3 * 140  # one row an original


def test_one_and_two_workers_write_the_same_bytes(balanced: Callable[..., tuple[pd.DataFrame, Path]]) -> None:
    chosen = recipe(augment={"name": "all", "copies": 10}, preset="photo")
    first, one = balanced("one", chosen)
    second, two = balanced("two", chosen, workers=2)
    pd.testing.assert_frame_equal(first, second)
    assert files_of(one) == files_of(two)


def test_a_larger_target_changes_no_existing_image(balanced: Callable[..., tuple[pd.DataFrame, Path]]) -> None:
    small = files_of(balanced("small", recipe(**to_share(0.6)))[1])
    large = files_of(balanced("large", recipe(**MINORITY))[1])
    images = {name: data for name, data in small.items() if name.startswith("images/")}
    assert len(images) == 4
    assert images.items() <= large.items()


def test_one_more_image_changes_only_its_own_descendants(balanced: Callable[..., tuple[pd.DataFrame, Path]]) -> None:
    chosen = recipe(augment="all", preset="industrial")
    before, less = balanced("less", chosen)
    after, more = balanced("more", chosen, counts=PHOTOS | {"rare one": 4})
    old, new = files_of(less / "images"), files_of(more / "images")
    assert old.items() <= new.items()
    assert len(new) == len(old) + 1
    assert len(after) == len(before) + 2


@pytest.fixture
def generator(training_in: Callable[[dict[str, int]], TrainingSet], tmp_path: Path) -> Path:
    """A folder as a generator writes it, with one image of the rare class."""
    folder = tmp_path / "data" / "synthetic" / "toy"
    (folder / "images" / "rare_one").mkdir(parents=True)
    Image.new("L", (8, 8), 90).save(folder / "images" / "rare_one" / "s1.png")
    rows = training_in(PHOTOS).rows
    parent = rows[rows["label"] == "rare one"].iloc[0]
    row = {
        "row_id": "s1",
        "label": "rare one",
        "origin": "synthetic",
        "parents": [parent.image_id],
        "operation": "toy",
        "parameters": "{}",
        "file": "images/rare_one/s1.png",
        "fold": parent.fold,
        "fitted_on": [parent.image_id],
        "second_label": None,
        "second_share": None,
    }
    BALANCED.write(pd.DataFrame([row]), folder / "synthetic.parquet")
    return folder


def test_synthetic_images_are_appended_with_their_lineage(
    balanced: Callable[..., tuple[pd.DataFrame, Path]],
    training_in: Callable[[dict[str, int]], TrainingSet],
    generator: Path,
) -> None:
    table, folder = balanced("synthetic", recipe(synthetic="toy"))
    last = table.iloc[-1]
    assert (len(table), last["row_id"], last["origin"]) == (16, "s1", "synthetic")
    assert (folder / last["file"]).read_bytes() == (generator / "images" / "rare_one" / "s1.png").read_bytes()
    prove_no_leak(table, training_in(PHOTOS).rows.assign(repeat=0))
    assert json.loads((folder / "summary.json").read_text())["after"]["rare one"] == {"original": 3, "synthetic": 1}


@pytest.mark.parametrize(
    ("change", "told"),
    [({"file": "../../../secret.png"}, "missing"), ({"file": "images/x.png"}, "missing"), ({"label": "new"}, "'new'")],
)
def test_a_generators_odd_rows_are_refused(
    balanced: Callable[..., tuple[pd.DataFrame, Path]], generator: Path, change: dict[str, str], told: str
) -> None:
    (generator / "../../../secret.png").resolve().write_bytes(b"secret")
    rows = BALANCED.read(generator / "synthetic.parquet").assign(**change)
    BALANCED.write(rows, generator / "synthetic.parquet")
    with pytest.raises(InputError, match=told):
        balanced("odd", recipe(synthetic="toy"))


def test_every_recipe_of_the_default_parameters_runs(workspace: Workspace) -> None:
    for name in workspace.params.recipes:
        stage.run(workspace, name)
        table = BALANCED.read(workspace.path("data", "balanced", name, "balanced.parquet"))
        prove_no_leak(table, SPLITS.read(workspace.path("data", "splits", "splits.parquet")))
        assert set(table["label"]) == set(PHOTOS)


def test_copies_of_test_images_never_enter_training(workspace: Workspace) -> None:
    splits = SPLITS.read(workspace.path("data", "splits", "splits.parquet"))
    test = set(splits.loc[splits["part"] == "test", "image_id"])
    stage.run(workspace, "augmented_all")
    table = BALANCED.read(workspace.path("data", "balanced", "augmented_all", "balanced.parquet"))
    assert len(test) == 2
    assert not test & {parent for parents in table["parents"] for parent in parents}


def test_a_leak_leaves_no_folder_behind(workspace: Workspace) -> None:
    path = workspace.path("data", "splits", "splits.parquet")
    splits = SPLITS.read(path)
    splits.loc[splits["label"] == "rare one", "group"] = "torn between training and test"
    SPLITS.write(splits, path)
    with pytest.raises(InputError, match="leak"):
        stage.run(workspace, "natural")
    assert not workspace.path("data", "balanced", "natural").exists()


def test_the_stage_is_light_to_import(repository: Path) -> None:
    import subprocess
    import sys

    code = "import sys, tasks.balance; sys.exit(any(m in sys.modules for m in ('albumentations', 'torch', 'cv2')))"
    assert subprocess.run([sys.executable, "-c", code], cwd=repository, check=False).returncode == 0
