"""Stand-ins: a file for each piece of code that lies outside of the workspace, for DVC to depend on.

`dvc.yaml` says of an item's components that ``<kind's folder>/<name>.py`` decides what comes out. A component of
another package has no such file. It gets one that names the package and its version: with another version, what uses
the component is stale.

In a workspace that shares the installed code all code lies outside. Each of its files gets a stand-in that holds its
digest, below `CODE` where the file itself is in a clone. So what is stale there is what would be stale in a clone; a
version that leaves a stage's code as it was leaves its results as they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import BaseModel

from flows.graph_file import CODE, shares_code
from flows.workspaces import shipped
from tasks.closure import ROOT
from tasks.files import write_text
from tasks.params import Params
from tasks.registry import STAND_IN, Component, home, installed_components


def write_stand_ins(root: Path, params: Params) -> list[Path]:
    """Bring the stand-ins of a workspace up to date; returns those that changed, came or went.

    Parameters
    ----------
    root
        The project's folder.
    params
        The checked parameters.
    """
    wanted, there = _of_components(params), set[str]()
    if shares_code(root):
        root = root / CODE
        wanted = _of_code() | wanted
        there = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    changed = []
    for name, text in wanted.items():
        path = root / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            write_text(path, text)
            changed.append(path)
    for name in there - wanted.keys():
        (root / name).unlink(missing_ok=True)
        changed.append(root / name)
    return sorted(changed)


def _of_components(params: Params) -> dict[str, str]:
    """By its path the text of each component that `params` name and another package brings."""
    found = {}
    for component in {type(one) for one in _components(params)}:
        package, name = home(component), str(component.model_fields["name"].default)
        if component.__module__.startswith(f"{package}."):
            continue
        group = f"equipoise.{package.rpartition('.')[2]}"
        bringer = next(entry.dist for entry in installed_components().select(group=group, name=name))
        assert bringer is not None, "entry points are read from distributions"
        text = f'"""{STAND_IN} {name} of {bringer.name} {bringer.version}, for DVC to depend on."""\n'
        found[f"{package.replace('.', '/')}/{name}.py"] = text
    return found


def _of_code() -> dict[str, str]:
    """By its path the text of each file of the installed code that DVC would look at in a clone."""
    ignored = [line for line in shipped("dvcignore").decode("utf-8").splitlines() if line and not line.startswith("#")]
    found = {}
    for file in sorted((ROOT / "tasks").rglob("*")):
        path = PurePosixPath(file.relative_to(ROOT).as_posix())
        if not file.is_file() or any(fnmatch(part, name) for part in path.parts for name in ignored):
            continue
        content = file.read_bytes()
        if not content.startswith(f'"""{STAND_IN}'.encode()):  # of a component, in the clone that is installed
            digest = hashlib.sha256(content).hexdigest()
            found[str(path)] = f'"""Stands for {path} of the installed code, sha256 {digest}."""\n'
    return found


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
