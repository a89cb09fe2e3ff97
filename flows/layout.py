"""Recognises a workspace of the previous layout, in which there was one backbone and an audit belonged to a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from tasks.errors import InputError
from tasks.params.flat import nested_form

STEPS = """\
To go on with this version of Equipoise:
  1. keep your parameters: cp params.yaml params.previous.yaml
  2. take dvc.yaml and params.yaml as this version has them, and write your own values into the new params.yaml
  3. rm -rf data/features data/features_new reports/audit
  4. equipoise run
Releases stay usable: `equipoise releases`, `diff`, `export` and `restore` read them as they were made."""


def require_present_layout(root: Path) -> None:
    """Refuse a workspace in which something is as the previous layout had it.

    Entries of `dvc.lock` alone don't count: those of stages that are gone are pruned by the next run.

    Parameters
    ----------
    root
        The project's folder.

    Raises
    ------
    InputError
        The workspace is of the previous layout; the message says by what, and what to do.
    """
    signs = previous_layout_signs(root)
    if signs:
        flat = nested_form(_mapping(root / "params.yaml"))
        said = f"this workspace has the layout of an earlier version: {'; '.join(signs)}\n{STEPS}"
        raise InputError(f"{said}\n\nparams.yaml: {flat}" if flat else said)


def previous_layout_signs(root: Path) -> list[str]:
    """What in a workspace is as only the previous layout had it, a phrase each; empty for the present layout."""
    params, graph = _mapping(root / "params.yaml"), _mapping(root / "dvc.yaml")
    signs = []
    if "embed" in params:
        signs.append("params.yaml has a section `embed`")
    if "cmd" in _section(_section(graph, "stages"), "embed"):
        signs.append("dvc.yaml has a stage `embed` without a backbone's name")
    if (root / "data/features/features.npy").is_file():
        signs.append("data/features/features.npy lies directly below data/features")
    audited = [name for name in _section(params, "recipes") if (root / "reports/audit" / str(name)).is_dir()]
    of_recipes = [f"reports/audit/{name}" for name in audited if name not in _section(params, "strategies")]
    if of_recipes:
        signs.append(f"audits of recipes stand there: {', '.join(of_recipes)}")
    return signs


def _mapping(path: Path) -> dict[str, Any]:
    """A YAML file's mapping; empty where there is none, whose faults others tell."""
    try:
        loaded = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError):
        return {}
    return loaded if isinstance(loaded, dict) else {}


def _section(mapping: dict[str, Any], name: str) -> dict[str, Any]:
    section = mapping.get(name)
    return section if isinstance(section, dict) else {}
