"""The registry: a component is one file, found by its name, and light enough to be found before anything runs."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Literal

import pytest

from tasks import registry
from tasks.registry import Component, components

PACKAGES = [
    "tasks.balance.augment",
    "tasks.balance.mixed",
    "tasks.balance.presets",
    "tasks.balance.resample",
    "tasks.balance.transforms",
    "tasks.explore.checks",
    "tasks.features.backbones",
    "tasks.goals",
    "tasks.pretrain.methods",
    "tasks.synthesize.generators",
    "tasks.synthesize.networks",
    "tasks.train.classifiers",
    "tasks.train.detectors",
    "tasks.train.families",
    "tasks.train.losses",
    "tasks.train.metric_losses",
    "tasks.train.mixing",
    "tasks.train.networks",
    "tasks.train.posthoc",
    "tasks.train.samplers",
    "tasks.train.schedules",
    "tasks.train.second_stages",
]


def test_every_package_of_components_is_on_this_list(repository: Path) -> None:
    homes = [file.parent for file in (repository / "tasks").rglob("__init__.py") if "Component):" in file.read_text()]
    assert sorted(".".join(home.relative_to(repository).parts) for home in homes) == PACKAGES


@pytest.fixture
def fresh() -> None:
    """What is found is kept; tests that change the world look again."""
    components.cache_clear()
    yield
    components.cache_clear()


@pytest.mark.parametrize("package", PACKAGES)
def test_each_file_of_a_package_is_one_component(package: str, repository: Path) -> None:
    files = {path.stem for path in (repository / package.replace(".", "/")).glob("*.py")} - {"__init__"}
    found = components(package)
    assert set(found) == files
    assert list(found) == sorted(found)
    assert {name: component().name for name, component in found.items()} == {name: name for name in files}


@pytest.mark.parametrize("package", PACKAGES)
def test_each_component_says_what_it_does_and_what_its_parameters_mean(package: str) -> None:
    for name, component in components(package).items():
        schema = component.model_json_schema()
        assert schema.get("description"), f"{package}.{name}"
        for setting, field in component.model_fields.items():
            assert field.description or setting == "name", f"{package}.{name}: {setting}"


@pytest.mark.parametrize("package", PACKAGES)
def test_each_component_can_be_made_without_parameters_and_refuses_others(package: str) -> None:
    """`equipoise preset` and people leave parameters out; the defaults are right by their own bounds."""
    for component in components(package).values():
        made = component()
        assert type(made).model_validate(made.model_dump()) == made
        with pytest.raises(ValueError, match="Extra inputs"):
            component.model_validate({"no_such_parameter": 1})
        with pytest.raises(ValueError, match="frozen"):
            made.no_such_parameter = 1


def test_finding_all_components_loads_no_heavy_library(repository: Path) -> None:
    """Parameters are checked at each start of each stage, where seconds count."""
    heavy = ("torch", "albumentations", "diffusers", "sklearn", "pandas", "matplotlib", "prefect", "dvc", "mlflow")
    code = f"""
import sys
from pathlib import Path
from tasks.params import load_params
load_params(Path("params.yaml"))
print([name for name in {heavy} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


class Foreign(Component):
    """A component of another package."""

    name: Literal["foreign"] = "foreign"


def test_other_packages_register_components_by_entry_points(monkeypatch: pytest.MonkeyPatch, fresh: None) -> None:
    entry = EntryPoint("foreign", f"{__name__}:Foreign", "equipoise.losses")
    monkeypatch.setattr(registry, "installed_components", lambda: EntryPoints([entry]))
    assert components("tasks.train.losses")["foreign"].__doc__ == Foreign.__doc__
    assert "foreign" not in components("tasks.train.samplers")


def test_a_file_with_two_components_or_none_is_a_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh: None
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    for name, classes in (("none", 0), ("two", 2)):
        package = tmp_path / f"kind_{name}"
        package.mkdir()
        (package / "__init__.py").touch()
        text = "from tasks.registry import Component\n" + "".join(
            f"class P{n}(Component): pass\n" for n in range(classes)
        )
        (package / "broken.py").write_text(text)
        with pytest.raises(TypeError, match=rf"kind_{name}.broken must define exactly one component, .* {classes}"):
            components(f"kind_{name}")


def test_a_component_must_state_the_name_under_which_it_is_found(monkeypatch: pytest.MonkeyPatch, fresh: None) -> None:
    entry = EntryPoint("alien", f"{__name__}:Foreign", "equipoise.losses")
    monkeypatch.setattr(registry, "installed_components", lambda: EntryPoints([entry]))
    with pytest.raises(TypeError, match='the component must state its name: name: Literal\\["alien"\\] = "alien"'):
        components("tasks.train.losses")
