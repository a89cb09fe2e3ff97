"""The documents: what they show works as it stands."""

from __future__ import annotations

import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tasks.errors import InputError
from tasks.params.models import Params
from tasks.params.reading import load_params

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
SECTIONS = set(Params.model_fields)


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


def test_the_mistakes_on_the_page_of_parameters_are_told_so(tmp_path: Path) -> None:
    """But for the numbers of their lines, which any new line above them moves."""
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    wrong = {"folds: 5": "folds: 1", "gamma: 2.0": "gama: 2.0", "recipe: oversampled": "recipe: oversample"}
    for old, new in (wrong | {"confidence: 0.95": "confidence: 95"}).items():
        text = text.replace(old, new, 1)
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as error:
        load_params(tmp_path / "params.yaml")
    (shown,) = [block for block in blocks(ROOT / "docs" / "params.md", "") if block.startswith("params.yaml:")]
    assert re.sub(r":\d+:", ":", shown).splitlines() == re.sub(r":\d+:", ":", str(error.value)).splitlines()


def test_figures_in_the_catalogue_are_those_of_the_benchmark() -> None:
    spec = spec_from_file_location("remedy_rows", ROOT / "docs" / "remedy_rows.py")
    assert spec is not None
    assert spec.loader is not None
    rows = module_from_spec(spec)
    spec.loader.exec_module(rows)
    text = (ROOT / "docs" / "strategies.md").read_text(encoding="utf-8")
    known = rows.results((ROOT / "docs" / "remedies.md").read_text(encoding="utf-8"))
    assert len(known) >= 4
    assert rows.filled(text, known).rstrip() == text.rstrip(), "run python docs/remedy_rows.py"
    assert "| `ldam_drw` | " + known["Solar cells"]["ldam_drw"][0] in text
