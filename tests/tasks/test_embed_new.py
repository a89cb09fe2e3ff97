"""embed_new: vectors for a recipe's new images only."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tasks.features import Features
from tasks.features.embedding import embed
from tasks.params import load_params
from tasks.tables import BALANCED, CATALOG
from tasks.workspace import Workspace

NAME = "efficientnet_lite0"
PARAMS = Path(__file__).parents[2] / "params.yaml"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    text = re.sub(r"(?m)^    image_size: \d+", "    image_size: 32", PARAMS.read_text(), count=1)
    (tmp_path / "params.yaml").write_text(text)
    (tmp_path / "data" / "catalog").mkdir(parents=True)
    CATALOG.write(CATALOG.empty(), CATALOG.place(tmp_path))
    return Workspace(tmp_path)


def write_recipe(root: Path, name: str, files: list[str | None]) -> Path:
    """A balanced set whose rows have these files, each with an image of random pixels."""
    folder = root / "data" / "balanced" / name
    (folder / "images" / "a").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for file in files:
        if file:
            Image.fromarray(rng.integers(0, 256, (20, 30), dtype=np.uint8)).save(folder / file)
    rows = [
        {
            "row_id": f"row{number}",
            "label": "a",
            "origin": "augmented" if file else "original",
            "parents": ["x"],
            "operation": "",
            "parameters": "{}",
            "file": file,
            "fold": 0,
            "fitted_on": None,
            "second_label": None,
            "second_share": None,
        }
        for number, file in enumerate(files)
    ]
    BALANCED.write(pd.DataFrame(rows), folder / "balanced.parquet")
    return folder


def test_only_rows_with_a_file_get_a_vector(workspace: Workspace) -> None:
    from tasks.embed_new import stage as embed_new

    folder = write_recipe(workspace.root, "mine", [None, "images/a/1.png", None, "images/a/3.png"])
    embed_new.run(workspace, "mine")
    features = Features.load(workspace.path("data", "features_new", "mine", NAME))
    assert features.ids == ["row1", "row3"]
    files = [folder / "images" / "a" / "1.png", folder / "images" / "a" / "3.png"]
    expected = embed(files, load_params(workspace.path("params.yaml")).backbones[NAME], 16, workers=1)
    np.testing.assert_array_equal(features.values, expected)


def test_a_recipe_without_new_images_is_done_without_loading_torch(workspace: Workspace) -> None:
    write_recipe(workspace.root, "mine", [None, None])
    code = (
        "import sys; from pathlib import Path; from tasks.workspace import Workspace; "
        "from tasks.embed_new.stage import run; run(Workspace(Path.cwd()), 'mine'); sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=workspace.root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    features = Features.load(workspace.path("data", "features_new", "mine", NAME))
    assert features.ids == []
    assert features.values.shape == (0, 1280)


def test_a_backbone_embeds_the_recipes_that_it_is_for(workspace: Workspace) -> None:
    from tasks.embed_new import stage as embed_new

    second = "backbones:\n  other: {name: efficientnet_lite0, image_size: 32, recipes: [natural]}"
    path = workspace.path("params.yaml")
    path.write_text(path.read_text().replace("backbones:", second, 1))
    for recipe, backbones in (("natural", {"other", NAME}), ("oversampled", {NAME})):
        write_recipe(workspace.root, recipe, [None])
        embed_new.run(workspace, recipe)
        folders = {folder.name for folder in workspace.path("data", "features_new", recipe).iterdir()}
        assert folders == backbones | {"none"}, "none is what families on images depend on"
