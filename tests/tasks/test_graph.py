"""`dvc.yaml` against the code: a stage's code dependencies are the files that decide its result, and no more."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from flows import code_dependencies
from flows.code_dependencies import FILE, code_of, main
from tasks.closure import file_of

ROOT = Path(__file__).parents[2]


def stages() -> dict[str, dict]:
    found = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    return {name: stage.get("do", stage) for name, stage in found.items()}


def test_the_code_dependencies_are_those_that_the_imports_ask_for(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["code_dependencies", "--check"])
    assert main() == 0, "run `python -m flows.code_dependencies`"
    assert capsys.readouterr().out == "right\n"


def test_a_check_tells_of_missing_and_idle_code_and_leaves_the_file_alone(tmp_path, monkeypatch, capsys):
    """A dependency taken out, another one put in; writing then mends both."""
    right = (ROOT / FILE).read_text(encoding="utf-8")
    wrong = right.replace("        - tasks/embed_new\n", "        - tasks/ingest\n")
    assert wrong != right
    file = tmp_path / FILE
    file.write_text(wrong, encoding="utf-8")
    monkeypatch.setattr(code_dependencies, "FILE", str(file))
    monkeypatch.setattr(sys, "argv", ["code_dependencies", "--check"])
    assert main() == 1
    assert "run python -m flows.code_dependencies" in capsys.readouterr().out
    assert file.read_text(encoding="utf-8") == wrong
    monkeypatch.setattr(sys, "argv", ["code_dependencies"])
    assert main() == 0
    assert file.read_text(encoding="utf-8") == right


def test_what_is_written_by_hand_stays_and_what_is_missing_or_idle_is_mended():
    """A component's own file, a kind's folder, and everything else as the imports ask for it."""
    by_hand = ["tasks/train/losses/${item.loss.name}.py", "tasks/train/posthoc"]
    found = code_of("train", [*by_hand, "tasks/exif.py", "tasks/no_such_file.py", "tasks/slugs.py"])
    assert set(by_hand) <= set(found)
    assert "tasks/train/losses/__init__.py" in found
    assert not [name for name in found if name.startswith("tasks/train/losses/") and "$" not in name][1:]
    assert "tasks/train/fitting.py" in found
    assert not {"tasks/no_such_file.py", "tasks/slugs.py"} & set(found)
    assert len(found) == len(set(found))


def test_a_new_loss_makes_no_other_strategy_stale():
    for name in ("losses", "families", "samplers", "mixing", "schedules", "posthoc"):
        mine = [dep for dep in stages()["train"]["deps"] if dep.startswith(f"tasks/train/{name}")]
        assert len(mine) == 2, f"the package itself, and the item's own component: {mine}"


@pytest.mark.parametrize("name", stages())
def test_a_stages_name_is_its_module_its_command_and_its_page(name):
    assert file_of(f"tasks.{name}.stage") is not None
    assert (ROOT / "docs" / f"{name}.md").is_file()
    assert stages()[name]["cmd"].split()[:4] == ["python3", "-m", "tasks", name]


def test_every_output_is_ignored_by_git_in_the_root(repository):
    ignored = (repository / ".gitignore").read_text().splitlines()
    for stage in stages().values():
        for out in stage["outs"]:
            top = "/" + out.split("/${")[0]
            assert any(top == line or line.startswith(top) or top.startswith(line) for line in ignored if line), out
