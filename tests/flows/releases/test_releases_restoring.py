"""Restoring and collecting: releases come back to the byte, nothing is lost on the way, and gc spares them."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys

import pytest

from flows.locks import workspace_lock
from flows.plan import make_plan
from flows.releases.collecting import collect
from flows.releases.releasing import release
from flows.releases.restoring import restore
from tasks.errors import InputError


def test_a_release_comes_back_to_the_byte_and_everything_is_up_to_date(project, two):
    for name, version in (("v1", 0), ("v2", 2), ("v1", 0), ("v1", 0)):
        done = restore(project.root, name)
        assert project.contents() == two[version]
        assert (done.gone, done.saved) == ([], None)
        assert make_plan(project.root, tidy=False).stale == {}


def test_outputs_that_the_release_has_not_go_and_come_back_with_the_other(project, two):
    assert (project.root / "data/balanced/more").is_dir()
    restore(project.root, "v1")
    assert not (project.root / "data/balanced/more").exists()
    restore(project.root, "v2")
    assert project.contents("data/balanced/more")


def test_a_clone_gets_it_from_the_remote(project, tmp_path):
    project.add_remote(tmp_path / "remote")
    release(project.root, "v1", "layered")
    clone = project.clone(tmp_path / "clone")
    done = restore(clone.root, "v1")
    for folder in ("data/raw", "data/catalog", "data/splits", "data/balanced/layered"):
        assert clone.contents(folder) == project.contents(folder)
    assert sorted(done.gone) == ["data/balanced/natural", "models/plain", "reports/explore"]
    assert "balance@layered" not in make_plan(clone.root, tidy=False).stale


def test_without_the_data_anywhere_nothing_is_changed(project, two, tmp_path):
    clone = project.clone(tmp_path / "clone")
    (clone.root / ".dvc/config").write_text("")
    before = clone.contents()
    with pytest.raises(InputError, match=r"neither in DVC's cache nor can be fetched.*dvc remote add"):
        restore(clone.root, "v1")
    assert clone.contents() == before
    assert not (clone.root / "data/raw").exists()


@pytest.mark.parametrize("name", ["params.yaml", "data/frozen.csv", "dvc.lock"])
def test_uncommitted_changes_are_refused_and_with_force_put_aside(project, two, name):
    path = project.root / name
    path.write_text(path.read_text() + "# mine\n" * (name != "data/frozen.csv"))
    if name == "data/frozen.csv":
        path.write_text(path.read_text() + "0123456789abcdef,train,0,1\n")
    mine, before = path.read_bytes(), project.contents()
    with pytest.raises(InputError, match=f"git has not committed {name}.*\n.*--force"):
        restore(project.root, "v1")
    assert path.read_bytes() == mine
    assert project.contents() == before
    saved = restore(project.root, "v1", force=True).saved
    assert saved == project.root / ".equipoise/before-restore-1"
    assert (saved / name).read_bytes() == mine
    assert project.contents() == two[0]


@pytest.mark.parametrize("name", ["data/raw/cat/4.png", "data/raw/cat/mine.png", "models/plain/weights"])
def test_data_that_the_cache_does_not_hold_are_refused_and_with_force_put_aside(project, two, name):
    path = project.root / name
    path.unlink(missing_ok=True)
    path.write_text("of nobody but me")
    before = project.contents()
    with pytest.raises(InputError, match=r"cache does not hold (data/raw|models/plain).*dvc commit"):
        restore(project.root, "v1")
    assert project.contents() == before
    saved = restore(project.root, "v1", force=True).saved
    assert (saved / name).read_text() == "of nobody but me"
    assert project.contents() == two[0]
    path = project.root / name
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text("again")
    assert restore(project.root, "v2", force=True).saved.name == "before-restore-2"


def test_results_that_were_run_but_not_committed_are_refused(project, two):
    project.become(1, commit=False)
    with pytest.raises(InputError, match=r"git has not committed dvc.lock, params.yaml, data/raw.dvc"):
        restore(project.root, "v1")


KILLED = """
import os, sys
from pathlib import Path
from flows.releases import restoring
name, release, root = sys.argv[1:]
def die(*arguments, **keywords):
    os._exit(9)
if name == "between files":
    real, seen = Path.replace, []
    def replace(self, target):
        seen.append(target)
        if len(seen) == 3:
            die()
        return real(self, target)
    Path.replace = replace
elif name == "between images":
    from dvc.fs import localfs
    import dvc_data.index.checkout as checkout
    real = checkout._create_files
    def some(entries, *arguments, **keywords):
        real(entries[:2], *arguments, **keywords)
        die()
    checkout._create_files = some
else:
    setattr(restoring, name, die)
restoring.restore(Path(root), release)
"""


@pytest.mark.parametrize("step", ["_remove", "_write_naming_files", "between files", "_check_out", "between images"])
def test_a_restore_that_was_killed_is_run_again(project, two, repository, step):
    command = [sys.executable, "-c", KILLED, step, "v1", str(project.root)]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True)
    assert done.returncode == 9, done.stderr
    assert project.contents() not in (two[0], two[2]) or step == "_remove"
    restore(project.root, "v1")
    assert project.contents() == two[0]
    assert make_plan(project.root, tidy=False).stale == {}


def test_what_can_not_be_restored_says_why(project, tmp_path):
    with pytest.raises(InputError, match="no release 'v9'; there are no releases yet"):
        restore(project.root, "v9")
    release(project.root, "v1", "layered")
    with pytest.raises(InputError, match="no release 'v9'; the releases are v1"):
        restore(project.root, "v9")
    with workspace_lock(project.root), pytest.raises(InputError, match="another run"):
        restore(project.root, "v1")


def test_a_hostile_lock_removes_nothing_outside_the_project(project, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    lock = project.root / "dvc.lock"
    lock.write_text(lock.read_text().replace("path: models/plain", "path: ../outside"))
    project.git("commit", "-qam", "hostile")
    project.git("tag", "release/v1")
    with pytest.raises(InputError, match="outside the project"):
        restore(project.root, "v1")
    assert outside.is_dir()


def test_the_command_says_what_it_brought_and_what_is_stale(project, two, equipoise):
    code, printed = equipoise("restore", "v1")
    assert code == 0
    assert "v1 is back: 7 outputs" in printed
    assert "everything is up to date" in printed
    (project.root / "tasks/split.py").write_text("# other code\n")
    code, printed = equipoise("restore", "v2")
    assert code == 0
    assert "stale" in printed
    assert "split" in printed


def test_gc_spares_releases_and_frees_what_stands_between_them(project, two, tmp_path, equipoise):
    project.git("reset", "-q", "--soft", "release/v1")  # no branch leads to the middle version any more
    project.git("checkout", "-q", "release/v2", "--", ".")
    project.git("commit", "-qam", "v2, without its history")
    kept = {*two[0].values(), *two[2].values()}
    outputs = ("data/raw/", "data/catalog/", "data/splits/", "data/balanced/", "models/")
    middle = {name: file for name, file in two[1].items() if name.startswith(outputs) and file not in kept}
    assert any(name.startswith("data/balanced/layered/images") for name in middle)
    before = project.objects()
    code, printed = equipoise("gc", "--dry-run")
    assert code == 0
    assert "would be freed" in printed
    assert project.objects() == before
    expected = collect(project.root, dry_run=True)
    freed = collect(project.root)
    assert freed == expected
    gone = before - project.objects()
    assert len(gone) == freed.objects
    assert {hashlib.md5(content).hexdigest() for content in middle.values()} <= gone
    for name, version in (("v1", 0), ("v2", 2)):
        restore(project.root, name)
        assert project.contents() == two[version]
        assert make_plan(project.root, tidy=False).stale == {}
    assert collect(project.root).objects == 0


def test_gc_keeps_what_only_a_branch_or_the_working_tree_has(project, two):
    project.git("branch", "experiment", "release/v2~1")
    project.git("checkout", "-q", "release/v1")
    project.become(1, commit=False)
    expected = project.contents()
    collect(project.root)
    with project.repo() as repo:
        assert repo.status() == {}
    shutil.rmtree(project.root / "data/raw")
    shutil.rmtree(project.root / "data/balanced")
    with project.repo() as repo:
        repo.checkout()
    assert project.contents() == expected


def test_gc_spares_the_data_of_a_version_that_was_put_aside(project, two):
    project.become(1, commit=False)
    project.git("branch", "-m", "main", "kept")
    project.git("checkout", "-q", "--orphan", "main")
    project.git("reset", "-q", "release/v2")
    saved = restore(project.root, "v2", force=True).saved
    collect(project.root)
    for name in ("dvc.lock", "params.yaml"):
        shutil.copy(saved / name, project.root / name)
    shutil.copy(saved / "data/raw.dvc", project.root / "data/raw.dvc")
    with project.repo() as repo:
        repo.checkout()
    assert project.contents("data", "models") == {
        name: file for name, file in two[1].items() if name.startswith(("data/", "models/"))
    }


def test_gc_sweeps_the_scratch_of_ended_runs_and_says_so(project, equipoise):
    left = project.root / ".equipoise/scratch/data-balanced-layered/half"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"x" * 2000)
    store = project.root / ".equipoise/rows/kept"
    store.parent.mkdir(parents=True)
    store.write_text("kept")
    code, printed = equipoise("gc")
    assert code == 0
    assert "2.0 kB freed" in printed
    assert not left.exists()
    assert store.exists()


def test_gc_leaves_a_shared_cache_and_a_working_project_alone(project, tmp_path):
    with workspace_lock(project.root), pytest.raises(InputError, match="another run"):
        collect(project.root)
    (project.root / ".dvc/config").write_text(f"[cache]\n    dir = {tmp_path / 'shared'}\n")
    with pytest.raises(InputError, match="others may share it"):
        collect(project.root)


def test_gc_deletes_nothing_if_a_commit_that_may_need_it_can_not_be_read(project):
    project.become(1)
    (project.root / "dvc.yaml").write_text("stages: [")
    project.git("commit", "-qam", "broken")
    project.git("branch", "broken")
    project.git("reset", "-q", "--hard", "HEAD~2")
    before = project.objects()
    with pytest.raises(InputError, match="can't read"):
        collect(project.root)
    assert project.objects() == before


def test_restoring_leaves_code_and_other_files_as_they_are(project, two):
    for name in ("tasks/split.py", "notes.txt"):
        (project.root / name).write_text("mine")
    project.git("add", "notes.txt")
    restore(project.root, "v1")
    assert (project.root / "tasks/split.py").read_text() == "mine"
    assert project.git("diff", "--cached", "--name-only") == "notes.txt"
    assert project.git("rev-parse", "--abbrev-ref", "HEAD") == "main"
