"""`equipoise new`: workspaces that share the installed code behave as clones do."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from flows import graph_file, stand_ins
from flows.graph_file import follow_code, shares_code
from flows.plan import make_plan
from flows.stand_ins import write_stand_ins
from flows.workspaces import making, workspace_above
from flows.workspaces.making import make_workspace
from tasks.errors import InputError
from tasks.params import load_params

CODE = Path(".equipoise/code")
Command = Callable[..., "subprocess.CompletedProcess[str]"]


def said_by(command: list[str], root: Path, **environment: str) -> str:
    return subprocess.run(
        command, cwd=root, env={**os.environ, **environment}, capture_output=True, text=True, check=True
    ).stdout


def git(root: Path, *arguments: str) -> str:
    return said_by(["git", *arguments], root).strip()


def files_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace as `equipoise new` makes it; tests that change it take copies."""
    folder = tmp_path_factory.mktemp("new") / "moths"
    make_workspace(folder)
    return folder


@pytest.fixture
def workspace(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "moths"))


def test_it_has_what_a_clone_has_but_the_code(made, repository):
    kept = git(made, "ls-files").splitlines()
    assert not [path for path in kept if path.endswith(".py")]
    same = {"params.yaml", ".gitignore", ".dvcignore", ".dvc/.gitignore"}
    same |= {f"{place}/none/README.md" for place in ("data/features", "data/synthetic", "models/backbones")}
    same.add("ensembles/README.md")
    for path in same:
        assert (made / path).read_bytes() == (repository / path).read_bytes(), path
    own = {"dvc.yaml", "params.schema.json", ".dvc/config", "data/frozen.csv", "data/left_out.csv"}
    assert set(kept) == same | own
    assert (made / "data/frozen.csv").read_text() == "image_id,part,repeat,fold\n"
    assert (made / "data/left_out.csv").read_text() == "path,label,reason,detail\n"
    first = (made / "params.yaml").read_text().splitlines()[0]
    assert (made / first.partition("$schema=")[2]).read_bytes() == (repository / "params.schema.json").read_bytes()


def test_it_has_a_git_and_a_dvc_history_of_its_own_with_one_commit(made, repository):
    assert git(made, "branch", "--show-current") == "main"
    assert git(made, "rev-list", "--count", "HEAD") == "1"
    assert git(made, "status", "--porcelain") == ""
    assert said_by([sys.executable, "-m", "dvc", "root"], made).strip() == "."
    committed = said_by(["git", "show", "HEAD:.dvc/config"], repository)
    assert (made / ".dvc/config").read_text() == committed


def test_its_graph_is_the_one_graph_with_the_code_elsewhere(made, repository):
    own, one = (yaml.safe_load((root / "dvc.yaml").read_text()) for root in (made, repository))
    for stage in one["stages"].values():
        stage = stage.get("do", stage)
        stage["deps"] = [f"{CODE}/{dep}" if dep.startswith("tasks/") else dep for dep in stage["deps"]]
    assert own == one


def test_each_file_of_the_code_has_a_stand_in_with_its_digest_and_nothing_else_has(made, repository):
    code = git(repository, "ls-files", "-co", "--exclude-standard", "tasks").splitlines()
    assert files_below(made / CODE) == set(code)
    for path in code:
        digest = hashlib.sha256((repository / path).read_bytes()).hexdigest()
        text = (made / CODE / path).read_text()
        assert digest in text
        assert path in text


def test_it_says_what_to_type_next_from_any_folder(tmp_path, equipoise, repository):
    told = equipoise(tmp_path, "new", "my moths", PYTHONPATH=str(repository))
    assert told.returncode == 0, told.stderr
    lines = [line.strip() for line in told.stdout.splitlines() if line.startswith("  ")]
    assert lines[0] == f"cd '{tmp_path}/my moths'"
    assert lines[-1] == "equipoise run --quick"
    assert [path.name for path in tmp_path.iterdir()] == ["my moths"]
    told = equipoise(tmp_path / "my moths", "status", PYTHONPATH=str(repository))
    assert told.returncode == 2
    assert "there are no images yet: `equipoise add PATH`" in told.stderr


def test_where_git_does_not_know_who_commits_it_says_what_to_type(tmp_path, equipoise, repository, monkeypatch):
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    nobody = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "user.useConfigOnly", "GIT_CONFIG_VALUE_0": "true"}
    for name, value in {"GIT_CONFIG_NOSYSTEM": "1", "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    told = equipoise(tmp_path, "new", "moths", PYTHONPATH=str(repository), HOME=str(tmp_path), **nobody)
    assert told.returncode == 0, told.stderr
    assert "git made no first commit" in told.stdout
    commands = [line for line in told.stdout.splitlines() if line.startswith("  ") and "git " in line]
    assert len(commands) == 2
    said_by(["bash", "-e", "-c", "\n".join(commands)], tmp_path, **nobody)
    assert git(tmp_path / "moths", "log", "--format=%an") == "Your Name"
    assert git(tmp_path / "moths", "status", "--porcelain") == ""


def test_a_folder_that_is_empty_becomes_one(tmp_path):
    (tmp_path / "empty").mkdir()
    make_workspace(tmp_path / "empty")
    assert workspace_above(tmp_path / "empty") == tmp_path / "empty"


def refused_places(tmp_path: Path) -> dict[str, tuple[Path, str]]:
    """Folders that can't become a workspace, and what the message says."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    other = tmp_path / "other"
    (other / "deep").mkdir(parents=True)
    for name in ("params.yaml", "dvc.yaml"):
        (other / name).touch()
    (tmp_path / "way").symlink_to(other / "deep")
    return {
        "not empty": (tmp_path / "full", "is not empty"),
        "a file": (tmp_path / "full" / "letter.txt", "is no folder"),
        "a link": (tmp_path / "link", "is no folder"),
        "no parent": (tmp_path / "none" / "moths", f"there is no folder {tmp_path / 'none'}; make it first"),
        "in a workspace": (other / "deep" / "moths", f"lies in another workspace, {other}"),
        "through a link": (tmp_path / "way" / "moths", f"lies in another workspace, {other}"),
        "a brace": (tmp_path / "{moths}", "'{', with which DVC"),
        "a long name": (tmp_path / ("m" * 300), "could not be made"),
    }


WHY = ["not empty", "a file", "a link", "no parent", "in a workspace", "through a link", "a brace", "a long name"]


@pytest.mark.parametrize("why", WHY)
def test_other_places_are_refused_and_nothing_changes(tmp_path, why):
    folder, words = refused_places(tmp_path)[why]
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match=re.escape(words)):
        make_workspace(folder)
    assert sorted(tmp_path.rglob("*")) == before


def test_the_folder_that_one_is_in_is_not_replaced(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=re.escape(f"`cd ..` first, then `equipoise new {tmp_path.name}`")):
        make_workspace(Path())
    assert list(tmp_path.iterdir()) == []


def test_what_git_says_against_a_first_commit_is_told_and_costs_nothing_else(tmp_path, monkeypatch, capsys):
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "pre-commit").write_text("#!/bin/sh\necho not on a Thursday >&2\nexit 1\n")
    (hooks / "pre-commit").chmod(0o755)
    for name, value in {"COUNT": "1", "KEY_0": "core.hooksPath", "VALUE_0": str(hooks)}.items():
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
    make_workspace(tmp_path / "moths")
    assert "git made no first commit: git commit failed: not on a Thursday. Mend that." in capsys.readouterr().out
    assert load_params(tmp_path / "moths/params.yaml").strategies


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt(), InputError("no git")])
def test_one_that_breaks_off_leaves_nothing_behind(tmp_path, monkeypatch, error):
    def fail(*args: object) -> None:
        raise error

    monkeypatch.setattr(making, "git", fail)
    expected = InputError if isinstance(error, OSError) else type(error)
    with pytest.raises(expected):
        make_workspace(tmp_path / "moths")
    assert list(tmp_path.iterdir()) == []


def test_no_folder_of_another_is_touched_and_the_new_one_is_open_as_new_folders_are(tmp_path):
    others = tmp_path / f".equipoise-new-{os.getpid()}"
    others.mkdir()
    (others / "kept").write_text("kept")
    (tmp_path / "usual").mkdir()
    make_workspace(tmp_path / "moths")
    assert (others / "kept").read_text() == "kept"
    assert {one.name for one in tmp_path.iterdir()} == {others.name, "usual", "moths"}
    assert (tmp_path / "moths").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_parameters_that_are_wrong_where_the_code_is_are_told(tmp_path, monkeypatch):
    right = making.shipped
    monkeypatch.setattr(making, "shipped", lambda name: right(name).replace(b"folds: 5", b"folds: 1"))
    with pytest.raises(InputError, match=r"split\.folds: 1") as refused:
        make_workspace(tmp_path / "moths")
    assert f"{making.ROOT / 'params.yaml'}, which would be copied, is wrong" in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_a_wheel_has_all_that_it_needs(made, repository, tmp_path):
    pytest.importorskip("setuptools", minversion="77", reason="pyproject.toml asks for it")
    source, site = tmp_path / "source", tmp_path / "site"
    for name in git(repository, "ls-files", "-co", "--exclude-standard").splitlines():
        if not name.startswith(("tests/", "docs/", "benchmarks/")):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(repository / name, source / name, follow_symlinks=False)
    build = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
    said_by([sys.executable, "-c", build, str(tmp_path)], source)
    (wheel,) = tmp_path.glob("*.whl")
    shutil.unpack_archive(wheel, site, "zip")
    shutil.rmtree(source)
    told = said_by([sys.executable, "-m", "flows.cli", "new", "moths"], tmp_path, PYTHONPATH=str(site))
    assert f"It runs the code in {site}" in told
    kept = git(made, "ls-files")
    assert git(tmp_path / "moths", "ls-files") == kept
    for name in [*kept.splitlines(), *(f"{CODE}/{path}" for path in files_below(made / CODE))]:
        assert (tmp_path / "moths" / name).read_bytes() == (made / name).read_bytes(), name


# The code changes


@pytest.fixture
def installed(tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The installed code, as far as stand-ins are made of it; tests change it."""
    root = tmp_path / "installed"
    shutil.copytree(repository / "tasks", root / "tasks", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(stand_ins, "ROOT", root)
    return root


def test_a_changed_new_or_removed_file_of_the_code_changes_its_stand_in_and_no_other(workspace, installed):
    params = load_params(workspace / "params.yaml")
    assert write_stand_ins(workspace, params) == []
    for path in ("tasks/train/__pycache__/stage.cpython-311.pyc", "tasks/train/.DS_Store"):
        (installed / path).parent.mkdir(exist_ok=True)
        (installed / path).touch()
    assert write_stand_ins(workspace, params) == []
    with (installed / "tasks/page/base.html").open("a") as file:
        file.write("\n")
    (installed / "tasks/train/losses/new.py").write_text("# new\n")
    (installed / "tasks/explore/imagenet.txt").unlink()
    changed = ["tasks/explore/imagenet.txt", "tasks/page/base.html", "tasks/train/losses/new.py"]
    assert write_stand_ins(workspace, params) == [workspace / CODE / path for path in changed]
    assert files_below(workspace / CODE) == files_below(installed) - {
        "tasks/train/__pycache__/stage.cpython-311.pyc",
        "tasks/train/.DS_Store",
    }
    assert write_stand_ins(workspace, params) == []


def test_a_stand_in_in_the_clone_that_is_installed_is_no_code(workspace, installed):
    text = '"""Stands for the component halved of halving 1.0, for DVC to depend on."""\n'
    (installed / "tasks/train/losses/halved.py").write_text(text)
    assert write_stand_ins(workspace, load_params(workspace / "params.yaml")) == []


def of_version(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the installed code have another graph."""
    right = graph_file.shipped
    monkeypatch.setattr(graph_file, "shipped", lambda name: text.encode() if name == "graph.yaml" else right(name))


def test_the_graph_and_the_schema_follow_the_installed_code(workspace, monkeypatch):
    (workspace / "data/raw").mkdir()
    now = (workspace / "dvc.yaml").read_bytes()
    other = "# Of another version.\n# And more.\nstages:\n  hello:\n    cmd: echo\n    deps:\n      - tasks/exif.py\n"
    with monkeypatch.context() as patch:
        of_version(other, patch)
        assert list(make_plan(workspace, tidy=False).graph.upstream) == ["hello"]
    assert yaml.safe_load((workspace / "dvc.yaml").read_text()) == {
        "stages": {"hello": {"cmd": "echo", "deps": [f"{CODE}/tasks/exif.py"]}}
    }
    schema = (workspace / "params.schema.json").read_bytes()
    (workspace / "params.schema.json").write_text("{}")
    assert "train@plain" in make_plan(workspace, tidy=False).graph.upstream
    assert (workspace / "dvc.yaml").read_bytes() == now
    assert (workspace / "params.schema.json").read_bytes() == schema
    assert git(workspace, "status", "--porcelain") == ""


@pytest.mark.parametrize("change", ["a line more", "another first line", "none"])
def test_an_edited_graph_is_refused_and_stays(workspace, change):
    path = workspace / "dvc.yaml"
    first, _, rest = path.read_text().partition("\n")
    edited = {"a line more": f"{first}\n{rest}# mine\n", "another first line": f"# mine\n{rest}", "none": rest}[change]
    path.write_text(edited)
    with pytest.raises(InputError, match=re.escape("git checkout dvc.yaml")):
        make_plan(workspace, tidy=False)
    assert path.read_text() == edited
    git(workspace, "checkout", "dvc.yaml")
    follow_code(workspace)


def test_the_folder_of_ensembles_is_there_in_a_workspace_of_a_version_without(workspace):
    shutil.rmtree(workspace / "ensembles")
    follow_code(workspace)
    assert (workspace / "ensembles" / "README.md").is_file()
    assert git(workspace, "status", "--porcelain") == ""


def test_a_clone_is_left_alone(repository, tmp_path):
    shutil.copy(repository / "dvc.yaml", tmp_path)
    assert not shares_code(tmp_path)
    follow_code(tmp_path)
    assert files_below(tmp_path) == {"dvc.yaml"}


# As in a clone

SMALL = [
    "backbones.efficientnet_lite0.image_size=32",
    "split.folds=2",
    "train.seeds=1",
    "evaluate.draws=100",
    "explore.thumbnails=2",
    "explore.permutations=20",
]
SETTINGS = [part for setting in SMALL for part in ("--set", setting)]


@pytest.fixture(scope="module")
def pair(workspace_template: Path, tmp_path_factory: pytest.TempPathFactory, api: str) -> Callable[..., str]:
    """A clone and, beside it, a workspace that shares its code, both of which have run on the same images.

    Returns a function that runs a command in one of them and gives what it says; its attribute `home` has both.
    """
    home = tmp_path_factory.mktemp("pair")
    clone = Path(shutil.copytree(workspace_template, home / "clone"))
    text = (clone / "params.yaml").read_text()
    for kind, kept in (("strategies", ("plain", "focal")), ("recipes", ("natural",))):
        for name in [name for name in yaml.safe_load(text)[kind] if name not in kept]:
            text = re.sub(rf"(?m)^  {name}:.*\n(?:    .*\n)+", "", text)
    (clone / "params.yaml").write_text(text)
    environment = {"PYTHONPATH": str(clone), "PREFECT_API_URL": api, "HOME": str(home), "COLUMNS": "1000"}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])

    def run(root: str, *command: str) -> str:
        return said_by([sys.executable, "-m", *command], home / root, **environment)

    run(".", "flows.cli", "new", "workspace")
    shutil.copy(clone / "params.yaml", home / "workspace")
    run("workspace", "flows.cli", "add", str(workspace_template.parent / "images"))
    for root in ("clone", "workspace"):
        run(root, "flows.cli", "run", *SETTINGS)
    run.home = home  # type: ignore[attr-defined]
    return run


def lock(root: Path) -> dict[str, dict]:
    return yaml.safe_load((root / "dvc.lock").read_text())["stages"]


def hashes(stage: dict, kind: str) -> dict[str, str]:
    """By their path the hashes of a stage's dependencies or outputs, but of code."""
    return {one["path"]: one["md5"] for one in stage[kind] if "tasks/" not in one["path"]}


@pytest.mark.slow
def test_the_same_images_give_the_same_results_and_hashes(pair):
    clone, workspace = lock(pair.home / "clone"), lock(pair.home / "workspace")
    assert list(clone) == list(workspace)
    assert {"train@focal", "compare"} <= clone.keys()
    for name, stage in clone.items():
        own = workspace[name]
        for kind in ("deps", "outs"):
            assert hashes(own, kind) == hashes(stage, kind), name
        assert (own["cmd"], own.get("params")) == (stage["cmd"], stage.get("params"))
    board = Path("reports/compare/leaderboard.json")
    assert (pair.home / "workspace" / board).read_bytes() == (pair.home / "clone" / board).read_bytes()


@pytest.mark.slow
def test_plain_dvc_has_nothing_to_do_after_a_run(pair):
    before = (pair.home / "workspace/dvc.lock").read_bytes()
    assert "Data and pipelines are up to date" in pair("workspace", "dvc", "repro")
    assert "Running stage" not in pair("workspace", "dvc", "repro")
    assert (pair.home / "workspace/dvc.lock").read_bytes() == before


def stale(root: Path) -> dict[str, list[str]]:
    """Why each stage is, as in a clone."""
    found = make_plan(root, tidy=False).stale
    return {stage: [reason.removeprefix(f"{CODE}/") for reason in why] for stage, why in found.items()}


@pytest.mark.slow
def test_changed_code_makes_stale_what_it_would_in_a_clone(pair, monkeypatch):
    """A component of one strategy, a file in a folder that counts as a whole, a template, and code that counts not."""
    clone, workspace = pair.home / "clone", pair.home / "workspace"
    monkeypatch.setattr(stand_ins, "ROOT", clone)
    told = {}
    for name in ("tasks/train/losses/focal.py", "tasks/split/frozen.py", "tasks/page/base.html", "tasks/progress.py"):
        before = (clone / name).read_bytes()
        (clone / name).write_bytes(before + b"\n")
        told[name] = stale(workspace)
        assert told[name] == stale(clone)
        (clone / name).write_bytes(before)
        assert stale(workspace) == {}
    page = ["tasks/page modified"]
    assert told == {
        "tasks/train/losses/focal.py": {"train@focal": ["tasks/train/losses/focal.py modified"]},
        "tasks/split/frozen.py": {"split": ["tasks/split modified"]},
        "tasks/page/base.html": {"explore": page, "evaluate": page, "compare": page},
        "tasks/progress.py": {},
    }


@pytest.mark.slow
def test_a_clone_of_the_workspace_makes_its_own_stand_ins(pair):
    workspace, colleague = pair.home / "workspace", pair.home / "colleague"
    git(workspace, "add", "-A")
    git(workspace, "commit", "-q", "-m", "first run")
    subprocess.run(["git", "clone", "-q", workspace, colleague], check=True)
    assert not (colleague / CODE).exists()
    (colleague / "data/raw").symlink_to(workspace / "data/raw")
    told = pair("colleague", "flows.cli", "status")
    assert "reports/compare is not in cache" in told
    assert not re.search(r"tasks/\S+ modified", told), "its code is the same"
    assert files_below(colleague / CODE) == files_below(workspace / CODE)
    assert git(colleague, "status", "--porcelain") == ""
