"""`dvc.yaml` against the code: a stage's code dependencies are the files that decide its result, and no more."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
# The edge: decides where things stand and what may be asked for, not what comes out.
EDGE = (
    "tasks.errors",
    "tasks.files",
    "tasks.params",
    "tasks.progress",
    "tasks.registry",
    "tasks.rows",
    "tasks.tables",
    "tasks.workspace",
)
SLOTS = {
    "${embed.backbone}": "tasks/features/backbones",
    "${item.resample}": "tasks/balance/resample",
    "${item.augment}": "tasks/balance/augment",
    "${item.transforms}": "tasks/balance/transforms",
    "${item.mix}": "tasks/balance/mix",
    "${item.family}": "tasks/train/families",
    "${item.loss}": "tasks/train/losses",
    "${item.sampler}": "tasks/train/samplers",
    "${item.mixing}": "tasks/train/mixing",
    "${item.posthoc}": "tasks/train/posthoc",
    "${item.generator}": "tasks/synthesize/generators",
}


def stages() -> dict[str, dict]:
    found = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    return {name: stage.get("do", stage) for name, stage in found.items()}


def file_of(module: str) -> Path | None:
    path = ROOT.joinpath(*module.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file
    return None


def imports(file: Path) -> set[str]:
    """Modules of `tasks` that a file imports, wherever it does, except for type checkers only."""
    found = set()
    tree = ast.parse(file.read_text())
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("tasks"):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if file_of(inner) else node.module)
                found.add(node.module)
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names if alias.name.startswith("tasks."))
    return {module for module in found if module != "tasks"}


def is_edge(module: str) -> bool:
    return any(module == edge or module.startswith(edge + ".") for edge in EDGE)


def closure(stage: str) -> set[str]:
    """Files of `tasks` that a stage and its parts import, directly or not, beside the edge."""
    reached: set[str] = set()
    todo = [f"tasks.{stage}"]
    for folder in part_folders(stages()[stage]):
        todo += [f"{folder.replace('/', '.')}.{file.stem}" for file in (ROOT / folder).glob("[a-z]*.py")]
    if f"tasks/{stage}" in code_dependencies(stages()[stage]):  # its parts are found by name, not imported
        files = (ROOT / "tasks" / stage).rglob("[a-z]*.py")
        todo += [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files]
    while todo:
        module = todo.pop()
        file = file_of(module)
        if is_edge(module) or file is None or str(file.relative_to(ROOT)) in reached:
            continue
        reached.add(str(file.relative_to(ROOT)))
        todo.extend(imports(file))
        parent = module.rpartition(".")[0]
        if parent != "tasks":
            todo.append(parent)
    return reached


def code_dependencies(stage: dict) -> list[str]:
    return [dep for dep in stage["deps"] if dep.startswith("tasks/")]


def part_folders(stage: dict) -> set[str]:
    return {folder for dep in code_dependencies(stage) for slot, folder in SLOTS.items() if slot in dep}


@pytest.mark.parametrize("name", stages())
def test_all_code_that_decides_a_stages_result_is_a_dependency(name):
    stage = stages()[name]
    declared = [Path(dep) for dep in code_dependencies(stage) if "$" not in dep]
    parts = part_folders(stage)
    needed = {file for file in closure(name) if str(Path(file).parent) not in parts or file.endswith("__init__.py")}
    missing = [file for file in sorted(needed) if not any(Path(file).is_relative_to(dep) for dep in declared)]
    assert not missing, f"{name}: add to its deps in dvc.yaml: {missing}"


@pytest.mark.parametrize("name", stages())
def test_no_stage_depends_on_code_that_it_does_not_use(name):
    stage = stages()[name]
    used = closure(name)
    idle = [
        dep
        for dep in code_dependencies(stage)
        if "$" not in dep and not any(Path(file).is_relative_to(dep) for file in used)
    ]
    assert not idle, f"{name}: take out of its deps in dvc.yaml: {idle}"


@pytest.mark.parametrize("name", stages())
def test_a_stages_name_is_its_module_its_command_and_its_page(name):
    assert file_of(f"tasks.{name}") is not None
    assert (ROOT / "docs" / f"{name}.md").is_file()
    assert stages()[name]["cmd"].split()[:4] == ["python3", "-m", "tasks", name]


def test_every_output_is_ignored_by_git_in_the_root(repository):
    ignored = (repository / ".gitignore").read_text().splitlines()
    for stage in stages().values():
        for out in stage["outs"]:
            top = "/" + out.split("/${")[0]
            assert any(top == line or line.startswith(top) or top.startswith(line) for line in ignored if line), out


def test_stages_never_import_what_flows_are_for():
    for file in (ROOT / "tasks").rglob("*.py"):
        tree = ast.parse(file.read_text())
        for node in ast.walk(tree):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            bad = [m for m in modules if m.split(".")[0] in ("prefect", "dvc", "mlflow", "flows")]
            assert not bad, f"{file}: imports {bad}"
