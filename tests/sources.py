"""The sources of the project as trees, and what each imports: what the tests of its structure share."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILES = {
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file
    for top in ("tasks", "flows")
    for file in sorted((ROOT / top).rglob("*.py"))
}
TREES = {name: ast.parse(file.read_text(encoding="utf-8")) for name, file in FILES.items()}


def imports(tree: ast.AST) -> Iterator[tuple[str, list[str]]]:
    """Each module that is imported, wherever that stands, with the names that are taken from it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or "", [alias.name for alias in node.names]


def needed(tree: ast.AST, modules: Iterable[str] = FILES) -> Iterator[str]:
    """Those of `modules` that a source imports; of ``from package import module`` the module, else the package."""
    modules = set(modules)
    for module, names in imports(tree):
        inner = [f"{module}.{name}" for name in names] or [module]
        yield from (name for name in dict.fromkeys(one if one in modules else module for one in inner))
