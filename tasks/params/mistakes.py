"""Mistakes in `params.yaml` as sentences: where, what is wrong, what would be right."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic.fields import FieldInfo

from tasks.errors import closest, did_you_mean
from tasks.params.models import IDLE
from tasks.params.places import names_of, owners_of, valid_keys, walk
from tasks.registry import components

EXPECTED = {
    "bool": "true or false",
    "dict": "a mapping of names to values",
    "finite": "a finite number",
    "float": "a number",
    "int": "a whole number",
    "list": "a list, such as [a, b]",
    "model": "a section with keys below it",
    "string": "text",
}
ADDED = {  # keys that earlier versions had not, by the section, and the line to add
    ("strategies", "schedule"): f"schedule: {{name: {IDLE['schedule']}}}",
    ("synthesize", "backbone"): "backbone: efficientnet_lite0",
}
MOVED = {("synthesize", "image_size"): "each generator has its own now; write it there, and take the line out here"}
BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
_PLAIN = (str, int, float, list, dict)
BROKEN = {"greater_than_equal": "ge", "greater_than": "gt", "less_than_equal": "le", "less_than": "lt"}


def told(mistakes: Iterable[Any]) -> list[Any]:
    """The mistakes without echoes: a misspelt key is not told again as the missing key that it stands for."""
    mistakes = list(mistakes)
    meant = {
        (*mistake["loc"][:-1], closest(str(mistake["loc"][-1]), valid_keys(mistake["loc"])))
        for mistake in mistakes
        if mistake["type"] == "extra_forbidden"
    }
    return [mistake for mistake in mistakes if mistake["type"] != "missing" or mistake["loc"] not in meant]


def place(loc: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Where in the file a mistake lies: pydantic puts the name of a component before its own keys."""
    return walk(loc)[0]


def sentence(mistake: Any) -> str:
    """A mistake, of pydantic's or of `tasks.params.checks`, as a sentence."""
    kind, context, value = mistake["type"], mistake.get("ctx", {}), mistake.get("input")
    loc = tuple(key for key in mistake["loc"] if key != "[key]")
    shown, _, field = walk(loc)
    where = ".".join(str(key) for key in shown) or "params.yaml"
    if "[key]" in mistake["loc"] or kind in ("invalid_key", "string_pattern_mismatch", "string_too_long"):
        name = value if isinstance(value, str) else loc[-1]
        return f"{where}: {name!r} can't be a name; use up to 64 letters, digits, - and _, in quotes if all are digits"
    if kind == "extra_forbidden":
        if loc in MOVED:
            return f"{where}: {MOVED[loc]}"
        names, owners = valid_keys(loc), owners_of(loc)
        if owners:
            found = f"a setting of {' or '.join(owners)}: write it there, {{name: ..., {loc[-1]}: {_in_yaml(value)}}}"
            return f"{where}: unknown key here, but {found}; valid are {_listed(names)}"
        return f"{where}: unknown key{did_you_mean(str(loc[-1]), names)}; valid are {_listed(names)}"
    if kind == "missing" and (line := ADDED.get((loc[0], loc[-1]))):
        return f"{where}: missing, earlier versions had none; add the line {line}"
    if kind == "missing":
        return f"{where}: missing; add the key {loc[-1]!r}"
    if kind == "union_tag_not_found":
        return f"{where}: its name is missing; write it as {{name: ...}}; valid are {_listed(names_of(loc))}"
    if kind in ("model_attributes_type", "model_type", "dict_type") and (names := names_of(loc)):
        if isinstance(value, str) and shown[0] == "recipes" and (why := between_features(value)):
            return f"{where}: {why}"
        return f"{where}: {_as_component(value, names)}; valid are {_listed(names)}"
    if kind == "union_tag_invalid":
        names, tag = names_of(loc), value["name"] if isinstance(value, dict) else context["tag"]
        if tag is None:
            return f"{where}.name: nothing stands here; valid are {_listed(names)}"
        if shown[0] == "recipes" and (why := between_features(str(tag))):
            return f"{where}.name: {why}"
        return f"{where}.name: {_shown(tag)} is unknown{did_you_mean(str(tag), names)}; valid are {_listed(names)}"
    if kind in ("unknown_name", "literal_error"):
        names = [str(name) for name in context.get("names") or typing.get_args(field.annotation if field else None)]
        return f"{where}: {_shown(value)} is unknown{did_you_mean(str(value), names)}; valid are {_listed(names)}"
    if kind == "too_short":
        return f"{where}: is empty; add at least {context['min_length']}"
    if kind in BROKEN:
        bound = f"{BOUNDS[BROKEN[kind]]} {_number(context[BROKEN[kind]])}"
        allowed = _range(field)
        return f"{where}: {_shown(value)} should be {bound}" + (f" ({allowed})" if allowed != bound else "")
    expected = EXPECTED.get(kind.partition("_")[0])
    if expected:
        allowed = _range(field)
        subject = "nothing stands here; it" if value is None else _shown(value)
        return f"{where}: {subject} should be {expected}" + (f" ({allowed})" if allowed else "")
    return f"{where}: {context.get('message', mistake.get('msg', '')).removeprefix('Value error, ')}"


def _as_component(value: Any, names: Sequence[str]) -> str:
    """How to write what should be a component, and is none."""
    if value is None:
        return "nothing stands here; write it as {name: ...}"
    if not isinstance(value, str):
        return f"{_shown(value)} has no name; write it as {{name: ...}}"
    if value in names:
        return f"write {_shown(value)} as {{name: {value}}}"
    meant = closest(value, names) or "..."
    return f"{_shown(value)} is unknown{did_you_mean(value, names)}; write it as {{name: {meant}}}"


def between_features(name: str) -> str | None:
    """Why a recipe, which makes images, can't do what the sampler `name` does between feature vectors, if so."""
    sampler = components("tasks.train.samplers").get(name)
    if not sampler or sampler.inputs != "features":
        return None
    return (
        f"{name!r} makes rows between neighbouring feature vectors, and a recipe makes images: between the pixels of "
        "two pictures lies a blend that is neither, and neighbours mean little beyond some hundred values. Write "
        f"sampler: {{name: {name}}} in a strategy on features (family: {{name: head}}) instead"
    )


def _range(field: FieldInfo | None) -> str:
    """The numbers that a field takes: ``2 to 50``, ``above 0, at most 10``."""
    bounds = {
        name: _number(getattr(meta, name))
        for meta in (field.metadata if field else [])
        for name in BOUNDS
        if hasattr(meta, name)
    }
    if set(bounds) == {"ge", "le"}:
        return f"{bounds['ge']} to {bounds['le']}"
    return ", ".join(f"{BOUNDS[name]} {bound}" for name, bound in bounds.items())


def _in_yaml(value: Any) -> str:
    """A scalar as a flow mapping holds it; dots for anything longer."""
    return str(value).lower() if isinstance(value, bool) else str(value) if isinstance(value, int | float) else "..."


def _number(bound: float) -> str:
    return f"{bound:,}" if isinstance(bound, int) else f"{bound:g}"


def _shown(value: Any) -> str:
    """A value as it stands in YAML, on one line and not too long."""
    text = str(value).lower() if isinstance(value, bool) else repr(value if isinstance(value, _PLAIN) else str(value))
    return text if len(text) <= 60 else f"{text[:60]}..."


def _listed(names: Iterable[Any]) -> str:
    return ", ".join(str(name) for name in names)
