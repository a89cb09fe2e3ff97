"""The closure: which code decides a result."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks import closure as module
from tasks.closure import closure, code_digest, file_of, is_edge, modules_in

FILES = {
    "tasks/__init__.py": "",
    "tasks/errors.py": "",
    "tasks/registry.py": "class Component: ...\nclass OneOf: ...\n",
    "tasks/stage/__init__.py": "",
    "tasks/stage/stage.py": "def run():\n    from tasks.stage import work\n",
    "tasks/stage/work.py": "from tasks.stage.kinds import Kind\nfrom tasks.errors import InputError\n",
    "tasks/stage/kinds/__init__.py": "from tasks.registry import Component\nclass Kind(Component): ...\n",
    "tasks/stage/kinds/one.py": "from tasks.stage.kinds import Kind\nfrom tasks import used\n",
    "tasks/stage/kinds/two.py": "from tasks.stage.kinds import Kind\n",
    "tasks/stage/named.py": 'components("tasks.stage.kinds")\n',
    "tasks/stage/field.py": "from tasks.registry import OneOf\nfrom tasks.stage.kinds import Kind\n",
    "tasks/used.py": "if TYPE_CHECKING:\n    from tasks import typed\ndef late():\n    import tasks.deep\n",
    "tasks/deep.py": "",
    "tasks/typed.py": "",
    "tasks/passing.py": "from tasks.stage.kinds import two\n",
}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    module.imported.cache_clear()
    yield tmp_path
    module.imported.cache_clear()


def test_imports_in_functions_count_and_those_for_type_checkers_do_not():
    assert set(closure(["tasks.used"])) == {"tasks.used", "tasks.deep"}


def test_a_stage_is_followed_from_its_run_function_without_the_edge():
    run = {"tasks.stage", "tasks.stage.stage", "tasks.stage.work", "tasks.stage.kinds"}
    assert set(closure(["tasks.stage.stage"])) == run
    assert is_edge("tasks.errors")
    assert is_edge("tasks.params.models")
    assert not is_edge("tasks.errors_of_mine")


def test_a_package_that_is_passed_through_counts_itself():
    found = set(closure(["tasks.passing"]))
    assert found == {"tasks.passing", "tasks.stage", "tasks.stage.kinds", "tasks.stage.kinds.two"}


@pytest.mark.parametrize("where", ["tasks.stage.named", "tasks.stage.field"])
def test_components_that_are_found_by_name_count_all(where):
    kinds = {"tasks.stage", "tasks.stage.kinds", "tasks.stage.kinds.one", "tasks.stage.kinds.two"}
    assert set(closure([where])) == kinds | {where, "tasks.used", "tasks.deep"}
    assert set(closure([where], apart=["tasks.stage.kinds"])) == {where, "tasks.stage", "tasks.stage.kinds"}


def test_a_digest_follows_all_that_counts_and_nothing_else(project: Path):
    before = code_digest(["tasks.used"])
    (project / "tasks/typed.py").write_text("VALUE = 1")
    assert code_digest(["tasks.used"]) == before
    (project / "tasks/deep.py").write_text("VALUE = 1")
    assert code_digest(["tasks.used"]) != before


def test_modules_are_found_as_files(project: Path):
    assert file_of("tasks.stage") == project / "tasks/stage/__init__.py"
    assert file_of("tasks.nothing") is None
    assert modules_in("tasks.stage.kinds") == ["tasks.stage.kinds.one", "tasks.stage.kinds.two"]
    assert "tasks.stage.kinds" in modules_in("tasks.stage")
