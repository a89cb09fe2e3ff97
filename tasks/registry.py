"""How parts are found: a part is one small file in its kind's package, named as `params.yaml` names it.

A part is a class derived from its kind's base (a loss, a sampler, a transform preset ...). Its fields are its
parameters, typed and bounded, so that a mistake in `params.yaml` is told before anything runs. Other packages add parts
by an entry point in the group ``equipoise.<kind>``, for instance ``equipoise.losses``.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from importlib.metadata import EntryPoints, distributions
from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """A named piece of a strategy or recipe; its fields are its parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)
    kind: ClassVar[str] = ""

    @classmethod
    def part_name(cls) -> str:
        """The name that `params.yaml` uses: that of the file."""
        return cls.__module__.rpartition(".")[2]


@cache
def parts(package: str) -> dict[str, type[Part]]:
    """All parts of one kind, by name.

    Parameters
    ----------
    package
        The kind's package, for instance ``tasks.train.losses``; each module in it holds one class derived from `Part`.
    """
    root = importlib.import_module(package)
    found: dict[str, type[Part]] = {}
    for module_info in pkgutil.iter_modules(root.__path__):
        module = importlib.import_module(f"{package}.{module_info.name}")
        classes = [
            value
            for value in vars(module).values()
            if isinstance(value, type) and issubclass(value, Part) and value.__module__ == module.__name__
        ]
        if len(classes) != 1:
            raise TypeError(f"{module.__name__} must define exactly one part, but defines {len(classes)}")
        found[module_info.name] = classes[0]
    for entry in installed_parts().select(group=f"equipoise.{package.rpartition('.')[2]}"):
        if entry.name in found:
            raise TypeError(
                f"the entry point {entry.value} can't take the name {entry.name!r}: {package} has such a part"
            )
        found[entry.name] = entry.load()
    return dict(sorted(found.items()))


@cache
def installed_parts() -> EntryPoints:
    """Entry points of all installed packages, which are read once a process."""
    return EntryPoints(entry for package in distributions() for entry in package.entry_points)
