"""The code that each stage depends on, written into `dvc.yaml`: ``python -m flows.code_dependencies [--check]``.

Of a stage's dependencies below ``tasks/`` two kinds are written by hand, since params.yaml chooses them: those with a
``${...}`` name the file of the one component that an item of the stage uses, those that name a kind's folder stand for
all of its components. All others follow from the imports (`tasks.closure`), and this command writes them: a whole
folder where all of it decides, else single files. With ``--check`` it only says whether they are right.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path, PurePosixPath
from typing import Any

from ruamel.yaml import YAML

from tasks.closure import ROOT, closure, holds_components, modules_in

FILE = "dvc.yaml"


def code_of(stage: str, dependencies: list[str]) -> list[str]:
    """The files and folders below ``tasks/`` that decide a stage's result, in the order of their names.

    Parameters
    ----------
    stage
        Its name.
    dependencies
        What `dvc.yaml` says now, of which the entries that are written by hand are kept.
    """
    chosen = [entry for entry in dependencies if entry.startswith("tasks/") and "${" in entry]
    slots = {str(PurePosixPath(entry.partition("${")[0] + "x").parent) for entry in chosen}
    packages = {slot.replace("/", ".") for slot in slots}
    kinds = {kind for entry in dependencies for kind in _kinds_in(entry)} - packages
    of_kinds = [module for package in [*packages, *kinds] for module in modules_in(package)]
    seeds = [f"tasks.{stage}.stage", *packages, *kinds, *of_kinds]
    files = {path.relative_to(ROOT) for path in closure(seeds, apart=packages).values()}
    files = {file for file in files if str(file.parent) not in slots or file.name == "__init__.py"}
    return sorted([*_folded(files), *chosen], key=lambda entry: entry.replace("__init__.py", " ").replace("${", " ${"))


def _kinds_in(entry: str) -> set[str]:
    """The packages of components that a dependency, if it is a folder, holds or is."""
    if not entry.startswith("tasks/"):
        return set()
    folders = [file.parent for file in (ROOT / entry).rglob("__init__.py")]
    return {name for folder in folders if holds_components(name := ".".join(folder.relative_to(ROOT).parts))}


def _folded(files: set[Path]) -> list[str]:
    """The files, those that make up a whole folder as that folder."""
    whole: set[Path] = set()
    for folder in sorted({parent for file in files for parent in file.parents if len(parent.parts) > 1}):
        inside = {path.relative_to(ROOT) for path in (ROOT / folder).rglob("*.py")}
        others = any(path.is_file() and path.suffix not in (".py", ".pyc") for path in (ROOT / folder).rglob("*"))
        if (len(inside) > 1 or others) and inside <= files and not any(folder.is_relative_to(one) for one in whole):
            whole.add(folder)
    single = {file for file in files if not any(file.is_relative_to(folder) for folder in whole)}
    return [path.as_posix() for path in {*whole, *single}]


def written(text: str) -> str:
    """The text of `dvc.yaml` with the code dependencies that the imports ask for."""
    yaml = YAML()
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    data: Any = yaml.load(text)
    for name, entry in data["stages"].items():
        stage = entry.get("do", entry)
        others = [dep for dep in stage["deps"] if not dep.startswith("tasks/")]
        wanted = [*code_of(name, list(stage["deps"])), *others]
        if list(stage["deps"]) != wanted:
            stage["deps"][:] = wanted
    made = io.StringIO()
    yaml.dump(data, made)
    return made.getvalue()


def main() -> int:
    """Write or check; returns 1 where `dvc.yaml` is not as it should be."""
    file = ROOT / FILE
    before = file.read_text(encoding="utf-8")
    after = written(before)
    if "--check" in sys.argv[1:]:
        sys.stdout.write("right\n" if before == after else f"{FILE} differs: run python -m flows.code_dependencies\n")
        return int(before != after)
    file.write_text(after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
