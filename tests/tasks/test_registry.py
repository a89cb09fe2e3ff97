"""The registry: a part is one file, found by its name, and light enough to be found before anything runs."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from tasks import registry
from tasks.params.models import Embed, Generator, Recipe, Strategy
from tasks.registry import Part, parts

PACKAGES = sorted(
    {package for model in (Recipe, Strategy, Generator) for package in model.packages().values()}
    | {meta.package for meta in Embed.model_fields["backbone"].metadata}
)


@pytest.fixture
def fresh() -> None:
    """What is found is kept; tests that change the world look again."""
    parts.cache_clear()
    yield
    parts.cache_clear()


@pytest.mark.parametrize("package", PACKAGES)
def test_each_file_of_a_package_is_one_part(package: str, repository: Path) -> None:
    files = {path.stem for path in (repository / package.replace(".", "/")).glob("*.py")} - {"__init__"}
    found = parts(package)
    assert set(found) == files
    assert list(found) == sorted(found)
    assert {name: part.part_name() for name, part in found.items()} == {name: name for name in files}


@pytest.mark.parametrize("package", PACKAGES)
def test_each_part_says_what_it_does_and_what_its_parameters_mean(package: str) -> None:
    for name, part in parts(package).items():
        schema = part.model_json_schema()
        assert schema.get("description"), f"{package}.{name}"
        for parameter, field in part.model_fields.items():
            assert field.description, f"{package}.{name}: {parameter}"


@pytest.mark.parametrize("package", PACKAGES)
def test_each_part_can_be_made_without_parameters_and_refuses_others(package: str) -> None:
    """`equipoise preset` and people leave parameters out; the defaults are right by their own bounds."""
    for part in parts(package).values():
        made = part()
        assert type(made).model_validate(made.model_dump()) == made
        with pytest.raises(ValueError, match="Extra inputs"):
            part.model_validate({"no_such_parameter": 1})
        with pytest.raises(ValueError, match="frozen"):
            made.no_such_parameter = 1


def test_finding_all_parts_loads_no_heavy_library(repository: Path) -> None:
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


class Foreign(Part):
    """A part of another package."""


def test_other_packages_register_parts_by_entry_points(monkeypatch: pytest.MonkeyPatch, fresh: None) -> None:
    entry = EntryPoint("foreign", f"{__name__}:Foreign", "equipoise.losses")
    monkeypatch.setattr(registry, "installed_parts", lambda: EntryPoints([entry]))
    assert parts("tasks.train.losses")["foreign"].__doc__ == Foreign.__doc__
    assert "foreign" not in parts("tasks.train.samplers")


def test_a_file_with_two_parts_or_none_is_a_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh: None
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    for name, classes in (("none", 0), ("two", 2)):
        package = tmp_path / f"kind_{name}"
        package.mkdir()
        (package / "__init__.py").touch()
        text = "from tasks.registry import Part\n" + "".join(f"class P{n}(Part): pass\n" for n in range(classes))
        (package / "broken.py").write_text(text)
        with pytest.raises(TypeError, match=rf"kind_{name}.broken must define exactly one part, but defines {classes}"):
            parts(f"kind_{name}")
