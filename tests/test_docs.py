"""The documents: what they show works as it stands."""

from __future__ import annotations

import importlib.util
import re
import sys
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from tasks import registry
from tasks.inputs import Inputs, StoredSource
from tasks.lineage import TrainingSet
from tasks.params.models import Params, Recipe, Strategy
from tasks.params.reading import load_params

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
SECTIONS = set(Params.model_fields)
KINDS = {"losses": "cubed", "families": "constant", "transforms": "darken", "checks": "squareness"}
KINDS |= {"generators": "brighter"}


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def examples() -> list[Any]:
    """Every piece of `params.yaml` that a page shows."""
    found = []
    for page in PAGES:
        for number, block in enumerate(blocks(page, "yaml")):
            values = YAML(typ="safe", pure=True).load(block)
            if isinstance(values, dict) and set(values) & SECTIONS:
                found.append(pytest.param(values, id=f"{page.stem}-{number}"))
    return found


@pytest.mark.parametrize("values", examples())
def test_parameters_in_the_documents_are_right(values: dict[str, Any], tmp_path: Path) -> None:
    yaml = YAML(typ="safe", pure=True)
    params = yaml.load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for section, items in values.items():
        assert section in SECTIONS
        params[section] = {**params[section], **items}
    with (tmp_path / "params.yaml").open("w", encoding="utf-8") as file:
        yaml.dump(params, file)
    load_params(tmp_path / "params.yaml")


def test_links_between_the_documents_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+\.md)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).is_file(), f"{page.name}: {target}"


# What docs/contributing.md adds, as an installed package would


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, ModuleType]:
    """The page's own code as modules of another package, found by entry points."""
    code = {re.search(r'name: Literal\["(\w+)"\]', block)[1]: block for block in CODE}
    modules, entries = {}, []
    for kind, name in KINDS.items():
        file = tmp_path / f"foreign_{name}.py"
        file.write_text(code[name], encoding="utf-8")
        spec = importlib.util.spec_from_file_location(file.stem, file)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, file.stem, module)
        spec.loader.exec_module(module)
        modules[kind] = module
        entries.append(EntryPoint(name, f"{file.stem}:{name.capitalize()}", f"equipoise.{kind}"))
    monkeypatch.setattr(registry, "installed_components", lambda: EntryPoints(entries))
    registry.components.cache_clear()
    rebuild()
    yield modules
    monkeypatch.undo()
    registry.components.cache_clear()
    rebuild()


def rebuild() -> None:
    """Pydantic builds once what `params.yaml` may hold; a new process would find the package by itself."""
    from tasks.balance.presets.listed import Listed

    for model in (Listed, Recipe, Strategy, Params):
        model.model_rebuild(force=True)


CODE = [block for block in blocks(ROOT / "docs" / "contributing.md", "python") if "Literal[" in block]
STRATEGY = {
    "recipe": "natural",
    "family": {"name": "head", "backbone": "efficientnet_lite0", "steps": 60, "learning_rate": 0.05},
    "loss": {"name": "cubed", "power": 2.0},
    "sampler": {"name": "natural"},
    "mixing": {"name": "none"},
    "posthoc": {"name": "none"},
}


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
    from tasks.features import Features
    from tasks.train.fitting import fit_strategy

    splits, balanced = tables()
    values = np.random.default_rng(0).normal(size=(len(splits), 5)).astype(np.float32)
    values[:, 0] += 3 * (splits["label"] == "b")
    features = Features(splits["image_id"].tolist(), values)
    known = {("efficientnet_lite0", fold): [features] for fold in (0, 1, None)}
    inputs = Inputs([], StoredSource(known))
    return fit_strategy(
        strategy, 1, splits=splits, balanced=balanced, inputs=inputs, backbone=None, tell=lambda line: None
    ).predictions


def test_a_loss_and_a_family_from_outside_are_fitted(foreign: dict[str, ModuleType]) -> None:
    found = predictions(Strategy.model_validate(STRATEGY))
    assert len(found) == 24
    assert ((found["score.b"] > found["score.a"]) == (found["label"] == "b")).mean() > 0.8
    chosen = {"family": {"name": "constant"}, "loss": {"name": "none"}}
    constant = predictions(Strategy.model_validate(STRATEGY | chosen))
    np.testing.assert_allclose(constant[["score.a", "score.b"]], np.log(0.5))


def test_they_are_checked_with_the_parameters(foreign: dict[str, ModuleType], tmp_path: Path) -> None:
    from tasks.errors import InputError

    yaml = YAML(typ="safe", pure=True)
    params = yaml.load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["strategies"]["mine"] = STRATEGY
    path = tmp_path / "params.yaml"
    for power, told in (
        (2.0, None),
        (20.0, "strategies.mine.loss.power: 20.0 should be at most 10 (above 0, at most 10)"),
    ):
        params["strategies"]["mine"] = STRATEGY | {"loss": {"name": "cubed", "power": power}}
        with path.open("w", encoding="utf-8") as file:
            yaml.dump(params, file)
        if told is None:
            assert load_params(path).strategies["mine"].loss.power == power
        else:
            with pytest.raises(InputError) as error:
                load_params(path)
            assert told in str(error.value)


def test_a_transform_from_outside_is_listed_in_a_preset(foreign: dict[str, ModuleType]) -> None:
    from tasks.balance.pipeline import change

    layers = {key: {"name": "none"} for key in ("resample", "mixed")}
    chosen = {"name": "listed", "transforms": [{"name": "darken", "share": 0.5, "p": 1.0}]}
    layers |= {"augment": {"name": "all"}, "preset": chosen, "synthetic": {"generator": "none"}}
    recipe = Recipe.model_validate(layers)
    grey = np.full((20, 20, 1), 200, dtype=np.uint8)
    assert change(recipe.preset.specification(), grey, None, 1, "a picture").colours.mean() < 199


def test_a_check_from_outside_is_asked(foreign: dict[str, ModuleType]) -> None:
    from tasks.explore.registered_checks import all_checks, measure_titles

    all_checks.cache_clear()
    try:
        assert measure_titles()["squareness"] == "Squareness"
        catalog = pd.DataFrame({"width": [10, 30], "height": [20, 30]})
        assert all_checks()["squareness"].from_catalog(catalog)["squareness"].tolist() == [0.5, 1.0]
    finally:
        all_checks.cache_clear()


def test_a_generator_from_outside_makes_images(foreign: dict[str, ModuleType], tmp_path: Path) -> None:
    from PIL import Image

    from tasks.synthesize.folds import synthesize

    splits, _ = tables()
    rows = TrainingSet.of_split(splits[~splits["image_id"].isin(["05", "07", "09", "11"])]).rows
    raw = tmp_path / "raw"
    raw.mkdir()
    for name in rows["image_id"]:
        Image.new("RGB", (8, 8), (50, 60, 70)).save(raw / f"{name}.png")
    rows = rows.assign(path=rows["image_id"] + ".png", sha256=rows["image_id"], width=8, height=8)
    generator = registry.components("tasks.synthesize.generators")["brighter"](images=3)
    settings = SimpleNamespace(image_size=8, seed=0, raw=raw, folder=tmp_path / "made", workers=1)
    settings.folder.mkdir()
    made = synthesize(TrainingSet(rows), generator, **vars(settings))
    assert made["label"].tolist() == ["b"] * 3
    with Image.open(settings.folder / made["file"].iloc[0]) as image:
        assert image.getpixel((0, 0)) == (60, 70, 80)
