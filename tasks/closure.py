"""Which code decides a result: some modules of `tasks`, and all that they import or find by name.

`dvc.yaml` lists it for each stage (`flows.code_dependencies` writes that), and the row store takes its digest.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Collection, Iterable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
# The edge: decides where things stand, what may be asked for and what is told, not what comes out.
EDGE = (
    "tasks.closure",
    "tasks.disk",
    "tasks.errors",
    "tasks.files",
    "tasks.parallel",
    "tasks.params",
    "tasks.progress",
    "tasks.registry",
    "tasks.row_store",
    "tasks.tables",
    "tasks.workspace",
)


def closure(modules: Iterable[str], apart: Collection[str] = ()) -> dict[str, Path]:
    """The files of some modules of `tasks` and of all that they use, by module; without the edge.

    Parameters
    ----------
    modules
        Names, for instance ``tasks.train.stage``.
    apart
        Packages of components of which only the packages themselves count, though others are found by name.
    """
    found: dict[str, Path] = {}
    todo = list(modules)
    while todo:
        module = todo.pop()
        file = file_of(module)
        if module in found or file is None or is_edge(module):
            continue
        found[module] = file
        todo += [name for name in imported(file) if name.rpartition(".")[0] not in apart]
        parent = module.rpartition(".")[0]  # whose top level runs when the module is imported
        if parent != "tasks":
            todo.append(parent)
    return found


def code_digest(modules: Iterable[str]) -> str:
    """A digest of the source of some modules of `tasks` and of all that they use."""
    digest = hashlib.sha256()
    for name, file in sorted(closure(modules).items()):
        digest.update(name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def is_edge(module: str) -> bool:
    """Whether a module is of the edge, or below one that is."""
    return any(module == edge or module.startswith(f"{edge}.") for edge in EDGE)


def file_of(module: str) -> Path | None:
    """The file of a module or package of this project; None where there is none."""
    path = ROOT.joinpath(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def modules_in(package: str) -> list[str]:
    """The modules and packages that stand directly in a package."""
    folder = ROOT.joinpath(*package.split("."))
    files = [*folder.glob("[a-z]*.py"), *(file.parent for file in folder.glob("*/__init__.py"))]
    return sorted(f"{package}.{file.stem}" for file in files)


@cache
def imported(file: Path) -> frozenset[str]:
    """Modules of `tasks` that a file uses: what it imports, in functions too, but not for type checkers only.

    A package that it names in a text, as ``components("tasks.explore.checks")`` does, or whose components a field of
    its takes (``Annotated[Loss, OneOf()]``), counts with all of its modules.
    """
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found: set[str] = set()
    packages: set[str] = set()
    takes_any = False
    for node in _at_run_time(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "tasks":
            module = str(node.module)
            names = {f"{module}.{alias.name}" for alias in node.names}
            submodules = {name for name in names if file_of(name)}
            found |= submodules
            if names - submodules:
                found.add(module)
                packages.add(module)
            takes_any |= module == "tasks.registry" and f"{module}.OneOf" in names
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("tasks.")}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("tasks."):
            found |= {node.value, *modules_in(node.value)} if holds_components(node.value) else set()
    if takes_any:
        found |= {name for package in packages if holds_components(package) for name in modules_in(package)}
    return frozenset(found - {"tasks"})


def _at_run_time(tree: ast.AST) -> Iterable[ast.AST]:
    """The nodes of a module that run, without what is for type checkers only."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        yield node
        yield from _at_run_time(node)


def holds_components(package: str) -> bool:
    """Whether a package is the home of a kind of components: its base class derives from `Component`."""
    file = file_of(package)
    return file is not None and file.name == "__init__.py" and "Component):" in file.read_text(encoding="utf-8")
