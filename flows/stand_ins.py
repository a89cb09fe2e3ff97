"""Stand-ins: a file for each component that another package brings, so that DVC has something to depend on.

`dvc.yaml` says of an item's components that ``<kind's folder>/<name>.py`` decides what comes out. A component of an
installed package has no such file. It gets one that names the package and its version: with another version, what uses
the component is stale.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from tasks.files import write_text
from tasks.params import Params
from tasks.registry import STAND_IN, Component, home, installed_components


def write_stand_ins(root: Path, params: Params) -> list[Path]:
    """Write the stand-ins of the components that `params` name and other packages bring; returns those that changed.

    Parameters
    ----------
    root
        The project's folder.
    params
        The checked parameters.
    """
    changed = []
    for component in {type(one) for one in _components(params)}:
        package, name = home(component), str(component.model_fields["name"].default)
        if component.__module__.startswith(f"{package}."):
            continue
        group = f"equipoise.{package.rpartition('.')[2]}"
        bringer = next(entry.dist for entry in installed_components().select(group=group, name=name))
        assert bringer is not None, "entry points are read from distributions"
        path = root.joinpath(*package.split("."), f"{name}.py")
        text = f'"""{STAND_IN} {name} of {bringer.name} {bringer.version}, for DVC to depend on."""\n'
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            write_text(path, text)
            changed.append(path)
    return sorted(changed)


def _components(value: Any) -> Iterator[Component]:
    """Every component in a value, those inside others as well."""
    if isinstance(value, Component):
        yield value
    if isinstance(value, BaseModel):
        value = [getattr(value, name) for name in type(value).model_fields]
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, Sequence) and not isinstance(value, str):
        for one in value:
            yield from _components(one)
