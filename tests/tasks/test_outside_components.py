"""Components of another package: what docs/contributing.md shows, installed beside Equipoise, is found and used."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from explore_data import EVIL, PLAIN, build, finding, noise, two_classes
from PIL import Image
from ruamel.yaml import YAML

from tasks.errors import InputError
from tasks.explore.registered_checks import all_checks
from tasks.inputs import Inputs, StoredSource
from tasks.lineage import TrainingSet
from tasks.params.models import Params, Recipe, Strategy
from tasks.params.reading import load_params
from tasks.registry import components, installed_components

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "contributing.md"
ADDED = {  # by the group of the entry point, which is the folder of the kind
    "losses": "cubed",
    "families": "constant",
    "transforms": "darken",
    "checks": "squareness",
    "generators": "brighter",
}
HOMES = {
    "losses": "tasks/train/losses",
    "families": "tasks/train/families",
    "transforms": "tasks/balance/transforms",
    "checks": "tasks/explore/checks",
    "generators": "tasks/synthesize/generators",
}
COMMON = {"recipe": "natural", "sampler": {"name": "natural"}, "mixing": {"name": "none"}}
COMMON |= {"schedule": {"name": "constant"}, "posthoc": {"name": "none"}}
HEAD = {"name": "head", "backbone": "efficientnet_lite0", "steps": 60, "learning_rate": 0.05}
CHOSEN: dict[str, dict[str, Any]] = {
    "generators": {"bright": {"name": "brighter", "images": 3}},
    "recipes": {
        "darkened": {
            "resample": {"name": "none"},
            "augment": {"name": "all"},
            "preset": {"name": "listed", "transforms": [{"name": "darken", "share": 0.5, "p": 1.0}]},
            "mixed": {"name": "none"},
            "synthetic": {"generator": "bright"},
        }
    },
    "strategies": {
        "cubed": COMMON | {"family": HEAD, "loss": {"name": "cubed", "power": 2.0}},
        "constant": COMMON | {"family": {"name": "constant"}, "loss": {"name": "none"}},
    },
}


def shown_code() -> dict[str, str]:
    """The files that the page shows, by their paths."""
    found = re.findall(r"^### [^`\n]*`(\S+\.py)`\n+```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S)
    return dict(found)


def chosen_params(path: Path, **sections: Any) -> Path:
    """The project's own parameters with what `CHOSEN` adds, and more."""
    yaml = YAML(typ="safe", pure=True)
    params = yaml.load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for added in (CHOSEN, sections):
        for section, items in added.items():
            params[section] = {**params[section], **items}
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(params, file)
    return path


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as pip leaves it: the modules of a distribution, and its entry points."""
    folder, code, entries = tmp_path_factory.mktemp("site"), shown_code(), []
    for kind, name in ADDED.items():
        (folder / f"outside_{name}.py").write_text(code[f"{HOMES[kind]}/{name}.py"], encoding="utf-8")
        entries += [f"[equipoise.{kind}]", f"{name} = outside_{name}:{name.capitalize()}"]
    info = folder / "outside-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: outside\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("\n".join(entries), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def params(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Params]:
    """The checked parameters, in a process in which the distribution is installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(site)
        look_again()
        yield load_params(chosen_params(tmp_path_factory.mktemp("params") / "params.yaml"))
    for name in ADDED.values():
        sys.modules.pop(f"outside_{name}", None)
    look_again()


def look_again() -> None:
    """Forget what was found before: components, and what pydantic built once of them; a new process need not."""
    from tasks.balance.presets.listed import Listed

    for cached in (installed_components, components, all_checks):
        cached.cache_clear()
    for model in (Listed, Recipe, Strategy, Params):
        model.model_rebuild(force=True)


def test_the_page_shows_each_component_as_one_file_in_its_folder() -> None:
    assert set(shown_code()) == {f"{HOMES[kind]}/{name}.py" for kind, name in ADDED.items()}
    for path in shown_code():
        assert (ROOT / path).parent.is_dir()
        assert not (ROOT / path).exists(), "the page shows how to add it"


FIND = """
import json
from pathlib import Path
from tasks.explore.registered_checks import all_checks
from tasks.params import load_params
from tasks.params.schema import params_schema
params = load_params(Path("params.yaml"))
print(json.dumps({
    "loss": params.strategies["cubed"].loss.power,
    "family": params.strategies["constant"].family.name,
    "transform": params.recipes["darkened"].preset.transforms[0].share,
    "generator": params.generators["bright"].levels,
    "check": all_checks()["squareness"].title,
    "schema": sorted({"Cubed", "Constant", "Darken", "Brighter"} & params_schema()["$defs"].keys()),
}))
"""


def find_in_a_new_process(folder: Path, *paths: Path) -> subprocess.CompletedProcess[str]:
    chosen_params(folder / "params.yaml")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, [ROOT, *paths]))}
    return subprocess.run([sys.executable, "-c", FIND], cwd=folder, env=environment, capture_output=True, text=True)


def test_a_new_process_finds_all_of_them_by_itself(site: Path, tmp_path: Path) -> None:
    assert json.loads(find_in_a_new_process(tmp_path, site).stdout) == {
        "loss": 2.0,
        "family": "constant",
        "transform": 0.5,
        "generator": 10,
        "check": "Squareness",
        "schema": ["Brighter", "Constant", "Cubed", "Darken"],
    }


def test_without_the_distribution_they_are_unknown(tmp_path: Path) -> None:
    told = find_in_a_new_process(tmp_path).stderr
    for name in ("cubed", "constant", "darken", "brighter"):
        assert f"name: '{name}' is unknown" in told


def test_their_mistakes_are_told_like_those_of_others(params: Params, tmp_path: Path) -> None:
    wrong = {
        "generators": {"bright": {"name": "brigter"}},
        "strategies": {
            "cubed": CHOSEN["strategies"]["cubed"] | {"loss": {"name": "cubed", "power": 20.0}},
            "constant": CHOSEN["strategies"]["constant"] | {"loss": {"name": "cubed"}},
        },
    }
    with pytest.raises(InputError) as error:
        load_params(chosen_params(tmp_path / "params.yaml", **wrong))
    assert {line.partition(": ")[2] for line in str(error.value).splitlines()} == {
        "generators.bright.name: 'brigter' is unknown (did you mean 'brighter'?); valid are brighter, diffusion, "
        "folder, gan, image_to_image, inpainting",
        "strategies.cubed.loss.power: 20.0 should be at most 10 (above 0, at most 10)",
        "strategies.constant.loss.name: 'cubed' would change nothing: family 'constant' takes no loss; "
        "write {name: none}",
    }


# Used by their stages


def tables(images: int = 24) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A split of two classes, and its natural balanced set."""
    rows = [
        {
            "image_id": f"{number:02}",
            "group": f"{number:02}",
            "label": "ab"[number % 2],
            "part": "test" if number < 4 else "train",
            "repeat": 0,
            "fold": None if number < 4 else number // 2 % 2,
        }
        for number in range(images)
    ]
    splits = pd.DataFrame(rows).astype({"fold": "Int16"})
    training = splits[splits["part"] == "train"]
    balanced = training[["label", "fold"]].assign(
        row_id=training["image_id"], parents=[[one] for one in training["image_id"]], file=None, fitted_on=None
    )
    return splits, balanced.assign(origin="original", second_label=None, second_share=np.nan)


def predictions(strategy: Strategy) -> pd.DataFrame:
    """Of a fit on images whose first feature tells the classes apart."""
    from tasks.features import Features
    from tasks.train.fitting import fit_strategy

    splits, balanced = tables()
    values = np.random.default_rng(0).normal(size=(len(splits), 5)).astype(np.float32)
    values[:, 0] += 3 * (splits["label"] == "b")
    features = Features(splits["image_id"].tolist(), values)
    inputs = Inputs([], StoredSource({("efficientnet_lite0", fold): [features] for fold in (0, 1, None)}))
    return fit_strategy(
        strategy, 1, splits=splits, balanced=balanced, inputs=inputs, backbone=None, depth=16, tell=lambda line: None
    ).predictions


def test_a_strategy_is_fitted_with_the_loss(params: Params) -> None:
    found = predictions(params.strategies["cubed"])
    assert len(found) == 24
    assert ((found["score.b"] > found["score.a"]) == (found["label"] == "b")).mean() > 0.8


def test_a_strategy_is_fitted_with_the_family(params: Params) -> None:
    constant = predictions(params.strategies["constant"])
    np.testing.assert_allclose(constant[["score.a", "score.b"]], np.log(0.5))


def test_a_recipe_changes_images_with_the_transform(params: Params) -> None:
    from tasks.balance.pipeline import change

    grey = np.full((20, 20, 1), 200, dtype=np.uint8)
    recipe = params.recipes["darkened"]
    changed = [change(recipe.preset.specification(), grey, None, seed, "a picture").colours.mean() for seed in range(5)]
    assert all(200 - 0.5 * 255 - 1 <= mean <= 200 for mean in changed)
    assert min(changed) < 199


def test_the_report_on_the_data_asks_the_check(params: Params, tmp_path: Path) -> None:
    from tasks.explore.report import write_report

    square = [noise(seed) for seed in range(12)]
    wide = [noise(100 + seed, height=32) for seed in range(12)]
    dataset, raw = build(tmp_path, two_classes(square, wide))
    found = finding(dataset, "squareness")
    medians = {label: one["median"] for label, one in found.numbers["squareness"]["classes"].items()}
    assert medians == {EVIL: 1.0, PLAIN: 0.5}
    folder = tmp_path / "report"
    folder.mkdir()
    write_report(dataset, raw, 2, folder)
    assert "Are the images of some classes squarer?" in (folder / "report.html").read_text(encoding="utf-8")


def test_the_generator_makes_images_of_the_rare_class(params: Params, tmp_path: Path) -> None:
    from tasks.synthesize.folds import Places, synthesize

    splits, _ = tables()
    rows = TrainingSet.of_split(splits[~splits["image_id"].isin(["05", "07", "09", "11"])]).rows
    raw = tmp_path / "raw"
    raw.mkdir()
    for name in rows["image_id"]:
        Image.new("RGB", (8, 8), (50, 60, 70)).save(raw / f"{name}.png")
    rows = rows.assign(path=rows["image_id"] + ".png", sha256=rows["image_id"], depth=8, width=8, height=8)
    places = Places(raw, tmp_path / "made")
    places.folder.mkdir()
    generator = params.generators["bright"].model_copy(update={"image_size": 8})
    made = synthesize(TrainingSet(rows), generator, None, seed=0, places=places, workers=1)
    assert made["label"].tolist() == ["b"] * 3
    with Image.open(places.folder / made["file"].iloc[0]) as image:
        assert image.getpixel((0, 0)) == (60, 70, 80)
