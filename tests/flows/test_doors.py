"""One door each: one module calls git, one opens DVC's repository, one reads `dvc.lock`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = {
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): ast.parse(file.read_text())
    for file in (ROOT / "flows").rglob("*.py")
}


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
    return {name for name, tree in MODULES.items() if module in imported(tree)}


def texts(tree: ast.Module) -> set[str]:
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def users(text: str) -> set[str]:
    return {name for name, tree in MODULES.items() if text in texts(tree)}


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
