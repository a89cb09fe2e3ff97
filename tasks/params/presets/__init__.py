"""Presets: lists of strategies with a name, which are written into `params.yaml`, where they can be seen and changed.

The catalogue stands beside in YAML, as it is written: strategies, and the recipes and backbones that they name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tasks.errors import InputError, did_you_mean
from tasks.params.presets.pieces import Pieces
from tasks.params.reading import check_params, parse_yaml, plain

FOLDER = Path(__file__).parent
ALL = "all"
SECTIONS = ("backbones", "pretrain", "generators", "recipes", "strategies")


@dataclass(frozen=True)
class Preset:
    """A list of strategies: its name, what it is for, and theirs."""

    name: str
    about: str
    strategies: tuple[str, ...]


@dataclass(frozen=True)
class Written:
    """What a preset makes of a `params.yaml`.

    Attributes
    ----------
    text
        Of the whole file, checked.
    added, removed
        By section, the names that came and went.
    kept
        Strategies that stay though the preset has none, or another one, of their names: somebody wrote them.
    """

    text: str
    added: Mapping[str, list[str]]
    removed: Mapping[str, list[str]]
    kept: list[str]


@cache
def catalogue(section: str) -> Pieces:
    """All entries of the catalogue for a section of `params.yaml`."""
    return Pieces.of_file((FOLDER / f"{section}.yaml").read_text(encoding="utf-8"))


@cache
def presets() -> dict[str, Preset]:
    """The presets by name."""
    listed = YAML(typ="safe", pure=True).load((FOLDER / "presets.yaml").read_text(encoding="utf-8"))
    left_out = listed[ALL]["but"]
    everything = tuple(name for name in catalogue("strategies").values if name not in left_out)
    return {
        name: Preset(name, one["about"], everything if name == ALL else tuple(one["strategies"]))
        for name, one in listed.items()
    }


def with_preset(text: str, name: str, path: Path) -> Written:
    """The text of `params.yaml` with a preset's strategies, and the recipes, generators and backbones that they need.

    An entry that is in the catalogue word for word came from a preset and makes room for the new one; any other was
    written by somebody and stays as it is, in its place and with its comments.

    Parameters
    ----------
    text
        Of the file.
    name
        Of the preset.
    path
        Of the file, for messages.

    Raises
    ------
    InputError
        There is no such preset, or what comes of it would be wrong.
    """
    if name not in presets():
        raise InputError(f"there is no preset {name!r}" + did_you_mean(name, list(presets())))
    newline = "\r\n" if "\r\n" in text else "\n"
    made = text.replace("\r\n", "\n")
    before = plain(parse_yaml(made, path))
    check_params(parse_yaml(made, path), path)
    wanted = presets()[name].strategies
    own = {section: _own(section, before) for section in SECTIONS}
    strategies = {one: _value("strategies", one, before, own) for one in [*wanted, *own["strategies"]]}
    recipes = {name: _value("recipes", name, before, own) for name in (one["recipe"] for one in strategies.values())}
    generators = [one["synthetic"]["generator"] for one in recipes.values()]
    backbones = [*_backbones_of(strategies), *_backbones_of({k: v for k, v in before.items() if k not in SECTIONS})]
    for section, needed in zip(SECTIONS, (backbones, backbones, generators, recipes, wanted), strict=True):
        made = _rewritten(made, section, list(dict.fromkeys(needed)), own[section])
    after = plain(parse_yaml(made, path))
    try:
        check_params(parse_yaml(made, path), path)
    except InputError as error:
        raise InputError(f"{error}\n{path.name} stays as it was") from None
    return Written(
        made.replace("\n", newline),
        {section: [one for one in after[section] if one not in before[section]] for section in SECTIONS},
        {section: [one for one in before[section] if one not in after[section]] for section in SECTIONS},
        list(own["strategies"]),
    )


def _own(section: str, data: Mapping[str, Any]) -> list[str]:
    """Names of a section's entries that are not the catalogue's."""
    known = catalogue(section).values
    return [name for name, value in data[section].items() if name not in known or known[name] != value]


def _value(section: str, name: str, data: Mapping[str, Any], own: Mapping[str, list[str]]) -> Any:
    return data[section][name] if name in own[section] else catalogue(section).values[name]


def _backbones_of(data: Any) -> list[str]:
    """Every name of a backbone in nested data."""
    if isinstance(data, Mapping):
        named = [data["backbone"]] if isinstance(data.get("backbone"), str) else []
        return named + [name for value in data.values() for name in _backbones_of(value)]
    return [name for value in data for name in _backbones_of(value)] if isinstance(data, list) else []


def _rewritten(text: str, section: str, needed: list[str], own: list[str]) -> str:
    """The text with a section of the `needed` entries, as they are in the catalogue, and those of somebody's own."""
    here, known = Pieces.of_section(text, section), catalogue(section)
    order = [name for name in here.values if name in needed or name in own]
    if section == "strategies":
        order = [*needed, *(name for name in own if name not in needed)]
    order += [name for name in needed if name not in order and name in known.values]
    pieces = [here.texts[name] if name in here.texts else known.indented(name) for name in order]
    return here.with_entries(section, pieces)
