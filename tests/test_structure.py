"""The structure of the code: no module knows, directly or through others, a module that knows it.

Every import counts, wherever it stands: in a function, for type checkers only. So does knowledge through a name: who
hands the name of a package to a call, as one asks the registry for components, gets all modules of that package.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

import networkx as nx
import pytest

ROOT = Path(__file__).parents[1]
TOPS = ("tasks", "flows")
# Circles that still stand. What is broken goes from here, and nothing comes.
CIRCLES: list[set[str]] = []


def modules() -> dict[str, Path]:
    """The file of each module by its name; a package has the name of its folder."""
    found = {}
    for top in TOPS:
        for file in sorted((ROOT / top).rglob("*.py")):
            *parents, last = file.relative_to(ROOT).with_suffix("").parts
            found[".".join(parents if last == "__init__" else [*parents, last])] = file
    return found


def knowledge(tree: ast.Module, names: Iterable[str], packages: Iterable[str]) -> Iterator[str]:
    """The modules that a source knows: those of `names` that it imports, and all of the `packages` that it names.

    ``from package import name`` is an import of the submodule if there is one, and else of the package. The packages
    above an imported module are not counted: nothing is taken from them.
    """
    names, packages = set(names), set(packages)
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                yield from [name for name in (submodule, node.module) if name in names][:1]
        elif isinstance(node, ast.Call):
            for handed in [*node.args, *(keyword.value for keyword in node.keywords)]:
                value = constants.get(handed.id) if isinstance(handed, ast.Name) else getattr(handed, "value", None)
                if value in packages:
                    yield from (name for name in names if name == value or name.rpartition(".")[0] == value)


def graph() -> nx.DiGraph:
    """An edge from each module of the project to each that it knows."""
    files = modules()
    packages = {name for name, file in files.items() if file.name == "__init__.py"}
    found = nx.DiGraph()
    for name, file in files.items():
        tree = ast.parse(file.read_text(encoding="utf-8"))
        found.add_edges_from((name, other) for other in knowledge(tree, files, packages) if other != name)
    return found


def circles(found: nx.DiGraph) -> list[set[str]]:
    """Sets of modules each of which knows all others, directly or through others."""
    return [set(one) for one in nx.strongly_connected_components(found) if len(one) > 1]


def test_no_module_knows_one_that_knows_it():
    found = graph()
    new = [one for one in circles(found) if not any(one <= known for known in CIRCLES)]
    told = [f"{first} knows {second}" for one in new for first, second in sorted(found.subgraph(one).edges)]
    assert not told, "\n".join(told)


def test_circles_that_were_broken_are_off_the_list():
    found = circles(graph())
    assert [sorted(known) for known in CIRCLES if not any(one <= known for one in found)] == []


@pytest.mark.parametrize(
    ("source", "known"),
    [
        ("import p.a", {"p.a"}),
        ("import numpy", set()),
        ("from p import a, c", {"p.a", "p"}),
        ("from p.a import b", {"p.a"}),
        ("from p.q import d as e", {"p.q.d"}),
        ("from numpy import p", set()),
        ("def f():\n    from p.a import b", {"p.a"}),
        ("if TYPE_CHECKING:\n    from p.a import B", {"p.a"}),
        ("x = parts('p.q')", {"p.q", "p.q.d"}),
        ("PACKAGE = 'p.q'\nx = components(package=PACKAGE)", {"p.q", "p.q.d"}),
        ("x: Annotated[str, NameOf('p.q')] = Field('p.r')", {"p.q", "p.q.d"}),
        ("CODE = ('p.q', 'p.a')\n'p.q'", set()),
        ("x = read('p.a')", set()),
    ],
)
def test_what_counts_as_knowledge(source, known):
    names = ["p", "p.a", "p.q", "p.q.d"]
    assert set(knowledge(ast.parse(source), names, ["p", "p.q"])) == known


def test_a_circle_is_found_through_other_modules():
    found = nx.DiGraph([("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("d", "e")])
    assert circles(found) == [{"a", "b", "c"}]


def test_the_graph_is_that_of_the_sources():
    found = graph()
    assert {"tasks", "tasks.tables", "tasks.explore.checks.exif", "flows.releases.exporting.csv"} <= set(modules())
    assert found.has_edge("tasks.explore.report", "tasks.page")
    assert found.has_edge("tasks.explore", "tasks.explore.report")  # in a function
    assert found.has_edge("tasks.explore.checks", "tasks.explore.dataset")  # for type checkers
    assert found.has_edge("tasks.explore.registered_checks", "tasks.explore.checks.exif")  # by the package's name
    assert not found.has_edge("tasks.explore.report", "tasks.explore")
