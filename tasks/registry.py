"""How components are found: a component is one small file in its kind's package, named as `params.yaml` names it.

A component is what recipes, strategies, backbones and generators are made of: a loss, a sampler, a preset of
transforms. It is a class derived from its kind's base; its fields are its own settings, typed and bounded, so that a
mistake in `params.yaml` is told before anything runs. Other packages add components by an entry point in the group
``equipoise.<kind>``, for instance ``equipoise.losses``, under the name that the class states.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoints, distributions
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError
from pydantic_core.core_schema import tagged_union_schema

STAND_IN = "Stands for the component"  # how a file begins that another package's component has here, for DVC


class Component(BaseModel):
    """A named piece of a recipe, strategy, backbone or generator, with the settings that are its own.

    Attributes
    ----------
    name
        As `params.yaml` says it; each component states it as a literal, which is the name of its file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, validate_default=True, allow_inf_nan=False)
    kind: ClassVar[str] = ""
    name: str

    def require(self, classes: Sequence[str]) -> None:
        """Refuse settings that name a class that there isn't (`InputError`); asked before anything is trained."""


@dataclass(frozen=True)
class OneOf:
    """Marks a field that holds any component of its kind, told apart by `name`: ``Annotated[Loss, OneOf()]``."""

    def __get_pydantic_core_schema__(self, source: type[Component], handler: GetCoreSchemaHandler) -> CoreSchema:
        known = components(source.__module__)
        return tagged_union_schema({name: handler.generate_schema(one) for name, one in known.items()}, "name")


def refused(why: str) -> PydanticCustomError:
    """What a validator raises for settings that can't work together: `why`, and what to use instead."""
    return PydanticCustomError("combination", "{message}", {"message": why})


def refuse_unread(component: BaseModel, key: str, of: str, is_read: bool) -> None:
    """Refuse a setting that was given a value of its own and is not read.

    Parameters
    ----------
    component
        What it is of.
    key
        The setting.
    of
        What reads it, as `params.yaml` says it: ``weights: inverse_power``.
    is_read
        Whether that is so.
    """
    value = getattr(component, key)
    if not is_read and value != type(component).model_fields[key].default:
        raise refused(f"{key}: {value} is read with {of} only and would change nothing; write {of}, or leave {key} out")


@cache
def components(package: str) -> dict[str, Any]:
    """The classes of all components of one kind, by name.

    Parameters
    ----------
    package
        The kind's package, for instance ``tasks.train.losses``; each module (or package) in it holds one class derived
        from `Component`. One that only stands for a component of another package is passed over.

    Raises
    ------
    TypeError
        A module holds no component or several, a component's name is not that of its file or entry point, or two have
        the same.
    """
    root = importlib.import_module(package)
    found: dict[str, Any] = {}
    for module_info in pkgutil.iter_modules(root.__path__):
        module = importlib.import_module(f"{package}.{module_info.name}")
        classes = [
            value
            for value in vars(module).values()
            if isinstance(value, type) and issubclass(value, Component) and value.__module__ == module.__name__
        ]
        if not classes and (module.__doc__ or "").startswith(STAND_IN):
            continue
        if len(classes) != 1:
            raise TypeError(f"{module.__name__} must define exactly one component, but defines {len(classes)}")
        found[module_info.name] = _named(classes[0], module_info.name, module.__name__)
    for entry in installed_components().select(group=f"equipoise.{package.rpartition('.')[2]}"):
        if entry.name in found:
            raise TypeError(
                f"the entry point {entry.value} can't take the name {entry.name!r}: {package} has such a component"
            )
        found[entry.name] = _named(entry.load(), entry.name, entry.value)
    return dict(sorted(found.items()))


def home(component: type[Component]) -> str:
    """The package of a component's kind, for instance ``tasks.train.losses``, wherever the component itself is from."""
    return next(base.__module__ for base in component.__mro__ if "kind" in vars(base))


def _named(component: type[Component], name: str, where: str) -> type[Component]:
    """The component, if it states the name under which it is found."""
    if component.model_fields["name"].default != name:
        raise TypeError(f'{where}: the component must state its name: name: Literal["{name}"] = "{name}"')
    return component


@cache
def installed_components() -> EntryPoints:
    """Entry points of all installed packages, which are read once a process."""
    return EntryPoints(entry for package in distributions() for entry in package.entry_points)
