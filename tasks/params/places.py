"""Places in `params.yaml`: what the models say of what stands there, or may."""

from __future__ import annotations

import typing
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from tasks.params.models import Params
from tasks.registry import Component, OneOf, components


def valid_keys(loc: tuple[int | str, ...]) -> list[str]:
    """The keys that are valid beside the one at `loc`."""
    _, model, _ = walk(loc[:-1])
    return list(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else []


def owners_of(loc: tuple[int | str, ...]) -> list[str]:
    """The keys beside the one at `loc` whose components have a setting of its name."""
    _, model, _ = walk(loc[:-1])
    fields = model.model_fields if isinstance(model, type) and issubclass(model, BaseModel) else {}
    kinds = {name: field.annotation for name, field in fields.items() if _takes_any(field.metadata)}
    return [
        name
        for name, kind in kinds.items()
        if any(loc[-1] in one.model_fields.keys() - {"name"} for one in components(str(kind.__module__)).values())
    ]


def _takes_any(metadata: Iterable[Any]) -> bool:
    """Whether what is annotated so may be any component of its kind."""
    return any(isinstance(meta, OneOf) for meta in metadata)


def names_of(loc: tuple[int | str, ...]) -> list[str]:
    """The names of the components that the key at `loc` chooses from."""
    _, model, _ = walk(loc)
    return list(components(model.__module__)) if isinstance(model, type) and issubclass(model, Component) else []


def walk(loc: tuple[int | str, ...]) -> tuple[tuple[int | str, ...], Any, FieldInfo | None]:
    """Follow pydantic's `loc` through the models.

    Returns
    -------
    tuple
        The place in the file, without the names of components that pydantic puts in; the type of what stands there
        (None where no model knows); and the field, where it is one.
    """
    model: Any = Params
    field: FieldInfo | None = None
    shown: list[int | str] = []
    one_of = False  # whether the next key may be the name of a component
    for key in loc:
        if one_of and key in (known := components(model.__module__)):
            model, field, one_of = known[str(key)], None, False
            continue
        shown.append(key)
        if isinstance(model, type) and issubclass(model, BaseModel):
            field = model.model_fields.get(str(key))
            model = field.annotation if field else None
            one_of = field is not None and _takes_any(field.metadata)
        elif typing.get_origin(model) in (dict, list):
            item = typing.get_args(model)[-1]
            field, one_of = None, typing.get_origin(item) is typing.Annotated
            model = typing.get_args(item)[0] if one_of else item
            one_of = one_of and _takes_any(typing.get_args(item)[1:])
        else:
            model, field = None, None
    return tuple(shown), model, field
