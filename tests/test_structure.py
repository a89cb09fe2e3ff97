"""The structure of the code: no module knows, directly or through others, a module that knows it.

Every import counts, wherever it stands: in a function, for type checkers only; and with a module the packages above it,
since Python runs them first. So does knowledge through a name: who hands the name of a package to a call, as one asks
the registry for components, or whose field takes any component of a kind, gets all modules of that package.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

import networkx as nx
import pytest
from sources import FILES, TREES, imports, needed


def knowledge(tree: ast.Module, modules: Iterable[str], packages: Iterable[str], kinds: Iterable[str]) -> Iterator[str]:
    """The modules that a source knows.

    Parameters
    ----------
    tree
        The source.
    modules
        Names of all modules and packages.
    packages
        Those of them that are packages.
    kinds
        Those packages that hold the components of a kind.
    """
    modules, packages, kinds = set(modules), set(packages), set(kinds)
    yield from needed(tree, modules)
    home = {name: module for module, names in imports(tree) for name in names}
    whole = {home.get(name, "") for name in any_of(tree)} & kinds
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            for handed in [*node.args, *(keyword.value for keyword in node.keywords)]:
                value = constants.get(handed.id) if isinstance(handed, ast.Name) else getattr(handed, "value", None)
                whole |= {value} & packages if isinstance(value, str) else set()
    for package in whole:
        yield from (name for name in modules if name == package or name.rpartition(".")[0] == package)


def any_of(tree: ast.Module) -> Iterator[str]:
    """The names of the kinds of which a field takes any component: ``Annotated[Kind, OneOf()]``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple) and node.slice.elts:
            kind, *about = node.slice.elts
            if isinstance(kind, ast.Name) and any(ast.unparse(one) == "OneOf()" for one in about):
                yield kind.id


def above(module: str) -> Iterator[str]:
    """The packages above a module, without the topmost."""
    while "." in (module := module.rpartition(".")[0]):
        yield module


def graph() -> nx.DiGraph:
    """An edge from each module of the project to each that it knows; a package above both is nobody's knowledge."""
    packages = {name for name, file in FILES.items() if file.name == "__init__.py"}
    kinds = {name for name in packages if "Component):" in FILES[name].read_text(encoding="utf-8")}
    found = nx.DiGraph()
    for name, tree in TREES.items():
        for other in knowledge(tree, FILES, packages, kinds):
            found.add_edges_from((name, one) for one in (other, *above(other)) if one not in (name, *above(name)))
            if other in FILES and other != name:
                found.add_edge(name, other)
    return found


def circles(found: nx.DiGraph) -> list[set[str]]:
    """Sets of modules each of which knows all others, directly or through others."""
    return [set(one) for one in nx.strongly_connected_components(found) if len(one) > 1]


def test_no_module_knows_one_that_knows_it():
    found = graph()
    told = [f"{first} knows {second}" for one in circles(found) for first, second in sorted(found.subgraph(one).edges)]
    assert not told, "\n".join(told)


@pytest.mark.parametrize(
    ("source", "known"),
    [
        ("import p.a", {"p.a"}),
        ("import numpy", {"numpy"}),
        ("from p import a, c", {"p.a", "p"}),
        ("from p.a import b", {"p.a"}),
        ("from p.q import d as e", {"p.q.d"}),
        ("from numpy import p", {"numpy"}),
        ("def f():\n    from p.a import b", {"p.a"}),
        ("if TYPE_CHECKING:\n    from p.a import B", {"p.a"}),
        ("x = parts('p.q')", {"p.q", "p.q.d"}),
        ("PACKAGE = 'p.q'\nx = components(package=PACKAGE)", {"p.q", "p.q.d"}),
        ("x: Annotated[str, NameOf('p.q')] = Field('p.r')", {"p.q", "p.q.d"}),
        ("from p.q import Kind\nfrom r import OneOf\nx: Annotated[Kind, OneOf()]", {"p.q", "p.q.d", "r"}),
        ("from p.q import Kind\nx: Kind", {"p.q"}),
        (
            "from p.q import Kind\nfrom p import a, Other\nfrom r import OneOf\nx: Annotated[Other, OneOf()]",
            {"p.a", "p", "p.q", "r"},
        ),
        ("CODE = ('p.q', 'p.a')\n'p.q'", set()),
        ("x = read('p.a')", set()),
    ],
)
def test_what_counts_as_knowledge(source, known):
    names = ["p", "p.a", "p.q", "p.q.d"]
    assert set(knowledge(ast.parse(source), names, ["p", "p.q"], ["p.q"])) == known


def test_a_circle_is_found_through_other_modules():
    found = nx.DiGraph([("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("d", "e")])
    assert circles(found) == [{"a", "b", "c"}]


def test_the_graph_is_that_of_the_sources():
    found = graph()
    assert {"tasks", "tasks.tables", "tasks.explore.checks.exif", "flows.releases.exporting.csv"} <= set(FILES)
    assert found.has_edge("tasks.explore.report", "tasks.page")
    assert found.has_edge("tasks.explore.stage", "tasks.explore.report")
    assert found.has_edge("tasks.explore.checks", "tasks.explore.dataset")  # for type checkers
    assert found.has_edge("tasks.explore.registered_checks", "tasks.explore.checks.exif")  # by the package's name
    assert found.has_edge("tasks.params.models", "tasks.train.losses.focal")  # by a field
    assert found.has_edge("tasks.params.models", "tasks.train")  # runs when what is below it is imported
    assert not found.has_edge("tasks.explore.report", "tasks.explore")
