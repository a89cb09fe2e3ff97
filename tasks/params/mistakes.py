"""Mistakes in `params.yaml` as sentences: where, what is wrong, what would be right."""

from __future__ import annotations

import difflib
import typing
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from ruamel.yaml.error import MarkedYAMLError

from tasks.params.models import Params

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
BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
_PLAIN = (str, int, float, list, dict)
BROKEN = {"greater_than_equal": "ge", "greater_than": "gt", "less_than_equal": "le", "less_than": "lt"}


def told(mistakes: Iterable[Any]) -> list[Any]:
    """The mistakes without echoes: a misspelt key is not told again as the missing key that it stands for."""
    mistakes = list(mistakes)
    meant = {
        (*mistake["loc"][:-1], closest(str(mistake["loc"][-1]), _valid_keys(mistake)))
        for mistake in mistakes
        if mistake["type"] in ("extra_forbidden", "unknown_key")
    }
    return [mistake for mistake in mistakes if mistake["type"] != "missing" or mistake["loc"] not in meant]


def sentence(mistake: Any) -> str:
    """One of pydantic's mistakes as a sentence."""
    kind, context, value = mistake["type"], mistake.get("ctx", {}), mistake.get("input")
    loc = tuple(key for key in mistake["loc"] if key != "[key]")
    where = ".".join(str(key) for key in loc) or "params.yaml"
    if "[key]" in mistake["loc"] or kind in ("invalid_key", "string_pattern_mismatch", "string_too_long"):
        name = value if isinstance(value, str) else loc[-1]
        return f"{where}: {name!r} can't be a name; use up to 64 letters, digits, - and _, in quotes if all are digits"
    if kind in ("extra_forbidden", "unknown_key"):
        return f"{where}: unknown key{hint(str(loc[-1]), names := _valid_keys(mistake))}; valid are {_listed(names)}"
    if kind == "missing":
        return f"{where}: missing; add the key {loc[-1]!r}"
    if kind in ("unknown_name", "literal_error"):
        field = context.get("field") or _field_at(loc)
        names = context.get("names") or list(typing.get_args(field.annotation if field else None))
        return f"{where}: {_shown(value)} is unknown{hint(str(value), names)}; valid are {_listed(names)}"
    if kind == "too_short":
        return f"{where}: is empty; add at least {context['min_length']}"
    if kind in BROKEN:
        bound = f"{BOUNDS[BROKEN[kind]]} {_number(context[BROKEN[kind]])}"
        allowed = _range(context.get("field") or _field_at(loc))
        return f"{where}: {_shown(value)} should be {bound}" + (f" ({allowed})" if allowed != bound else "")
    expected = EXPECTED.get(kind.partition("_")[0])
    if expected:
        allowed = _range(context.get("field") or _field_at(loc))
        subject = "nothing stands here; it" if value is None else _shown(value)
        return f"{where}: {subject} should be {expected}" + (f" ({allowed})" if allowed else "")
    return f"{where}: {context.get('message', mistake['msg']).removeprefix('Value error, ')}"


def syntax_mistake(error: MarkedYAMLError) -> tuple[int, str]:
    """The line, from 1, that makes a text no YAML, and the remedy as a sentence."""
    problem, context = error.problem or "", error.context or ""
    mark = error.problem_mark or error.context_mark
    seen = mark.line + 1 if mark else 1
    began = error.context_mark.line + 1 if error.context_mark else seen
    if "duplicate key" in problem:
        return seen, f"the key {problem.split(chr(34))[1]!r} stands in this section already; remove one of them"
    if "'\\t'" in problem:
        return seen, "a tab can't indent; use spaces"
    if "flow" in context:
        return began, "the bracket that opens here is not closed, or a comma is missing in it"
    if "quoted scalar" in context:
        return began, "the quote that opens here is not closed"
    if "simple key" in context:
        return began, "a key without a colon; write it as 'key: value'"
    if "mapping values are not allowed" in problem:
        return seen, "a colon where no key can stand; check the indentation, or put quotes around the value"
    if "block" in context:
        return seen, "the indentation does not fit the lines above; keys of one section start in the same column"
    if "single document" in context:
        return seen, "a second document starts here; remove the line '---'"
    return seen, f"not valid YAML: {problem.partition(chr(10))[0] or context}"


def closest(value: str, names: Sequence[str]) -> str | None:
    """The name that was probably meant."""
    matches = difflib.get_close_matches(value, names, n=1)
    return matches[0] if matches else None


def hint(value: str, names: Sequence[str]) -> str:
    """`` (did you mean 'gamma'?)``, or nothing."""
    match = closest(value, names)
    return f" (did you mean {match!r}?)" if match else ""


def _valid_keys(mistake: Any) -> list[str]:
    """The keys that are valid beside an unknown one."""
    names: list[str] | None = mistake.get("ctx", {}).get("names")
    model = _model_at(mistake["loc"][:-1])
    return names if names is not None else list(model.model_fields) if model else []


def _model_at(loc: tuple[int | str, ...]) -> type[BaseModel] | None:
    """The model of the section at `loc`."""
    model: Any = Params
    for key in loc:
        if isinstance(model, type) and issubclass(model, BaseModel) and key in model.model_fields:
            model = model.model_fields[str(key)].annotation
        elif typing.get_origin(model) is dict:
            model = typing.get_args(model)[1]
        else:
            return None
    return model if isinstance(model, type) and issubclass(model, BaseModel) else None


def _field_at(loc: tuple[int | str, ...]) -> FieldInfo | None:
    model = _model_at(loc[:-1])
    return model.model_fields.get(str(loc[-1])) if model else None


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


def _number(bound: float) -> str:
    return f"{bound:,}" if isinstance(bound, int) else f"{bound:g}"


def _shown(value: Any) -> str:
    """A value as it stands in YAML, on one line and not too long."""
    text = str(value).lower() if isinstance(value, bool) else repr(value if isinstance(value, _PLAIN) else str(value))
    return text if len(text) <= 60 else f"{text[:60]}..."


def _listed(names: Iterable[Any]) -> str:
    return ", ".join(str(name) for name in names)
