"""One door each: one module calls git, one opens DVC's repository, one reads `dvc.lock`; and imports go one way."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import networkx as nx
import pytest

ROOT = Path(__file__).parents[2]
MODULES = {
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): ast.parse(file.read_text())
    for folder in ("flows", "tasks")
    for file in (ROOT / folder).rglob("*.py")
}
FLOWS = {name: tree for name, tree in MODULES.items() if name.split(".")[0] == "flows"}


def imported(tree: ast.Module) -> Iterator[str]:
    """Every module that is imported, wherever it is, and each name that is imported from one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def importers(module: str) -> set[str]:
    return {name for name, tree in FLOWS.items() if module in imported(tree)}


def texts(tree: ast.Module) -> set[str]:
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def users(text: str) -> set[str]:
    return {name for name, tree in FLOWS.items() if text in texts(tree)}


def test_one_module_starts_git():
    assert importers("subprocess") == {"flows.git", "flows.process", "flows.lifeline"}
    assert users("git") == {"flows.git"}


def test_one_module_opens_dvcs_repository_beside_the_process_of_a_stage():
    assert importers("dvc.repo") == {"flows.repository", "flows.reproduce"}


def test_one_module_reads_the_lock_file():
    assert users("dvc.lock") == {"flows.lockfile"}


@pytest.mark.parametrize("module", ["git", "gitpython", "dulwich", "pygit2", "scmrepo", "sh"])
def test_there_is_no_other_way_to_git(module):
    assert importers(module) == set()


def needed_modules(tree: ast.Module) -> set[str]:
    """The project's modules that are imported; of ``from package import module`` the module."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            found.update(name if name in MODULES else str(node.module) for name in inner)
    return found & MODULES.keys()


def test_no_module_needs_itself_by_way_of_others_also_in_functions_and_for_type_checkers():
    graph = nx.DiGraph((name, needed) for name, tree in FLOWS.items() for needed in needed_modules(tree))
    assert graph.number_of_edges() > 100
    assert [sorted(circle) for circle in nx.simple_cycles(graph)] == []


def test_stages_know_nothing_of_what_runs_them():
    above = {name for name, tree in MODULES.items() if name not in FLOWS and needed_modules(tree) & FLOWS.keys()}
    assert above == set()
