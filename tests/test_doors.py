"""One door each: one module calls git, one opens DVC's repository, one knows joblib; and stages know no flow."""

from __future__ import annotations

import ast

import pytest
from sources import TREES, imports

FLOWS = {name: tree for name, tree in TREES.items() if name.startswith("flows")}
STAGES = {name: tree for name, tree in TREES.items() if name.startswith("tasks")}


def importers(module: str) -> set[str]:
    """Who imports a module or something below it."""
    return {
        name
        for name, tree in TREES.items()
        for imported, taken in imports(tree)
        if any(f"{one}.".startswith(f"{module}.") for one in (imported, *(f"{imported}.{each}" for each in taken)))
    }


def users(text: str) -> set[str]:
    """The modules of `flows` that hold a text."""
    return {
        name
        for name, tree in FLOWS.items()
        if any(isinstance(node, ast.Constant) and node.value == text for node in ast.walk(tree))
    }


def test_one_module_starts_git():
    assert importers("subprocess") & FLOWS.keys() == {"flows.git", "flows.process", "flows.lifeline"}
    assert users("git") == {"flows.git"}


@pytest.mark.parametrize("module", ["git", "gitpython", "dulwich", "pygit2", "scmrepo", "sh"])
def test_there_is_no_other_way_to_git(module):
    assert importers(module) == set()


def test_one_module_opens_dvcs_repository_beside_the_process_of_a_stage():
    assert importers("dvc.repo") == {"flows.repository", "flows.reproduce"}


def test_one_module_reads_the_lock_file():
    assert users("dvc.lock") == {"flows.lockfile"}


def test_one_module_knows_joblib():
    assert importers("joblib") == {"tasks.parallel"}


@pytest.mark.parametrize("module", ["prefect", "dvc", "mlflow", "flows"])
def test_stages_know_nothing_of_what_runs_them(module):
    assert importers(module) & STAGES.keys() == set()


def test_one_module_says_how_many_groups_are_the_fewest():
    says = {
        name
        for name, tree in STAGES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and "FEWEST" in target.id
    }
    assert says == {"tasks.statistics.groups"}
