"""Restoring and collecting: releases come back to the byte, nothing is lost on the way, and gc spares them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys

import pytest
from ruamel.yaml import YAML

from flows.locks import workspace_lock
from flows.plan import make_plan
from flows.releases.collecting import collect
from flows.releases.pushing import push_all
from flows.releases.releasing import release
from flows.releases.restoring import restore
from flows.releases.unsaved import TRIVIAL
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


def test_images_that_were_moved_or_deleted_are_refused_though_the_cache_has_their_contents(project, two):
    raw = project.root / "data/raw"
    (raw / "cat/4.png").rename(raw / "dogs/4.png")
    (raw / "cat/5.png").unlink()
    before = project.contents()
    for name in ("v1", "v2"):
        with pytest.raises(InputError, match=r"does not hold data/raw as they stand, or no version names them so"):
            restore(project.root, name)
    assert project.contents() == before
    saved = restore(project.root, "v2", force=True).saved
    assert (saved / "data/raw/dogs/4.png").is_file()
    assert not (saved / "data/raw/cat/5.png").exists()
    assert (saved / "dvc.lock").read_bytes() == two[2]["dvc.lock"]
    assert project.contents() == two[2]


def test_what_dvc_ignores_in_an_output_that_would_go_is_refused(project, two, repository):
    shutil.copy(repository / ".dvcignore", project.root / ".dvcignore")
    for name in TRIVIAL:
        assert name in (project.root / ".dvcignore").read_text().split()
    more = project.root / "data/balanced/more"
    for name in ("__pycache__/x.py", ".DS_Store"):
        (more / name).parent.mkdir(exist_ok=True)
        (more / name).write_text("trivial")
    restore(project.root, "v1")
    restore(project.root, "v2")
    (project.root / ".dvcignore").write_text("*.notes\n")
    (more / "my.notes").write_text("hours of work")
    with pytest.raises(InputError, match="does not hold data/balanced/more"):
        restore(project.root, "v1")
    saved = restore(project.root, "v1", force=True).saved
    assert (saved / "data/balanced/more/my.notes").read_text() == "hours of work"


def test_what_other_pointers_track_and_what_no_lock_names_stays(project, two):
    extra = project.root / "extra"
    extra.mkdir()
    (extra / "x").write_text("x")
    (project.root / ".gitignore").write_text((project.root / ".gitignore").read_text() + "/extra\n")
    with project.repo() as repo:
        repo.add(str(extra))
    project.git("add", "-A")
    project.git("commit", "-qm", "extra")
    (extra / "x").write_text("changed by hand")
    restore(project.root, "v1")
    assert (extra / "x").read_text() == "changed by hand"
    shutil.rmtree(extra)
    md5 = hashlib.md5(b"x").hexdigest()
    (project.root / ".dvc/cache/files/md5" / md5[:2] / md5[2:]).unlink()
    restore(project.root, "v2")
    assert project.contents() == two[2]


def test_outputs_that_the_release_had_not_made_stay_as_they_are(project):
    lock = YAML().load((project.root / "dvc.lock").read_text())
    del lock["stages"]["train"]
    with (project.root / "dvc.lock").open("w") as file:
        YAML().dump(lock, file)
    project.git("commit", "-qam", "train has not run")
    release(project.root, "v1", "layered")
    (project.root / "models/plain/weights").write_text("made by hand")
    restore(project.root, "v1")
    assert (project.root / "models/plain/weights").read_text() == "made by hand"


@pytest.mark.parametrize("act", [restore, release, collect])
def test_while_plain_dvc_runs_a_stage_nothing_is_touched(project, two, act):
    lock = project.root / ".dvc/tmp/rwlock"
    lock.write_text(json.dumps({"write": {"models/plain": {"pid": os.getpid(), "cmd": "dvc repro"}}}))
    with pytest.raises(InputError, match="a stage runs"):
        act(*((project.root,) if act is collect else (project.root, "v1")))
    assert project.contents() == two[2]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/x", "s3://nobody/x", "/nonexistent/there"])
def test_a_remote_out_of_reach_stops_no_restore_that_does_not_need_it(project, two, url):
    (project.root / ".dvc/config").write_text(f"[core]\n    remote = store\n['remote \"store\"']\n    url = {url}\n")
    md5 = hashlib.md5(two[0]["models/plain/weights"]).hexdigest()
    (project.root / ".dvc/cache/files/md5" / md5[:2] / md5[2:]).unlink()
    assert restore(project.root, "v1").gone == ["models/plain"]
    md5 = hashlib.md5(two[2]["data/raw/cat/newest.png"]).hexdigest()
    (project.root / ".dvc/cache/files/md5" / md5[:2] / md5[2:]).unlink()
    with pytest.raises(InputError, match=r"can't fetch from the remote store|neither in DVC's cache"):
        restore(project.root, "v2")


KILLED = """
import os, sys
from pathlib import Path
from flows.releases import restoring
name, release, root = sys.argv[1:]
def die(*arguments, **keywords):
    os._exit(9)
if name == "between outputs":
    from flows.releases.store import Store
    real, done = Store.check_out, []
    def check_out(*arguments):
        if done:
            die()
        done.append(real(*arguments))
    Store.check_out = check_out
elif name == "between files":
    real, seen = Path.replace, []
    def replace(self, target):
        seen.append(target)
        if len(seen) == 3:
            die()
        return real(self, target)
    Path.replace = replace
elif name == "between images":
    import dvc_data.hashfile.checkout as checkout
    real, done = checkout._checkout_file, []
    def some(*arguments, **keywords):
        if len(done) == 2:
            die()
        done.append(real(*arguments, **keywords))
    checkout._checkout_file = some
else:
    setattr(restoring, name, die)
restoring.restore(Path(root), release)
"""


@pytest.mark.parametrize(
    "step", ["_remove", "_write_naming_files", "between files", "between outputs", "between images"]
)
def test_a_restore_that_was_killed_is_run_again(project, two, repository, step):
    command = [sys.executable, "-c", KILLED, step, "v1", str(project.root)]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True)
    assert done.returncode == 9, done.stderr
    assert project.contents() not in (two[0], two[2]) or step == "_remove"
    restore(project.root, "v1")
    assert project.contents() == two[0]
    assert make_plan(project.root, tidy=False).stale == {}


def test_a_damaged_file_of_the_cache_is_fetched_anew(project, two, tmp_path):
    project.add_remote(tmp_path / "remote")
    assert push_all(project.root)
    md5 = hashlib.md5(two[0]["data/raw/cat/0.png"]).hexdigest()
    path = project.root / ".dvc/cache/files/md5" / md5[:2] / md5[2:]
    path.chmod(0o644)
    path.write_bytes(b"rotten")
    restore(project.root, "v1")
    assert project.contents() == two[0]


def test_a_half_merged_lock_is_refused_and_with_force_put_aside(project, two):
    lock = project.root / "dvc.lock"
    lock.write_text("<<<<<<< HEAD\n" + lock.read_text())
    with pytest.raises(InputError, match=r"git has not committed dvc.lock"):
        restore(project.root, "v1")
    saved = restore(project.root, "v1", force=True).saved
    assert (saved / "dvc.lock").read_text().startswith("<<<<<<<")
    assert project.contents() == two[0]


def test_what_was_done_after_a_restore_was_killed_is_not_lost_either(project, two, repository):
    command = [sys.executable, "-c", KILLED, "between images", "v1", str(project.root)]
    assert subprocess.run(command, cwd=repository, capture_output=True, text=True).returncode == 9
    raw = project.root / "data/raw"
    (raw / "cat/4.png").rename(raw / "dogs/4.png")
    with pytest.raises(InputError, match="does not hold data/raw"):
        restore(project.root, "v1")
    (raw / "dogs/4.png").rename(raw / "cat/4.png")
    restore(project.root, "v2")
    assert project.contents() == two[2]
    assert not (project.root / ".equipoise/restoring").exists()
    (raw / "cat/5.png").unlink()
    with pytest.raises(InputError, match="does not hold data/raw"):
        restore(project.root, "v2")


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


def only_in(project, place, tmp_path):
    """Make a version of the images that nothing has but `place`; gives the md5 of the image that it adds."""
    (project.root / "data/raw/cat/unique.png").write_bytes(b"unique")
    with project.repo() as repo:
        repo.add(str(project.root / "data/raw"))
    if place == "stash":
        project.git("stash")
    elif place == "older stash":
        project.git("stash")
        (project.root / "params.yaml").write_text("{}")
        project.git("stash")
    elif place == "index of a stash":
        project.git("add", "data/raw.dvc")
        project.git("show", "HEAD:data/raw.dvc")
        (project.root / "data/raw.dvc").write_text(project.git("show", "HEAD:data/raw.dvc") + "\n")
        project.git("stash")
    else:
        project.git("commit", "-qam", "unique")
        commit = project.git("rev-parse", "HEAD")
        project.git("reset", "-q", "--hard", "HEAD~1")
        if place == "work tree":
            project.git("worktree", "add", "-q", "--detach", str(tmp_path / "a tree"), commit)
        else:
            project.git("update-ref", place, commit)
    with project.repo() as repo:
        repo.checkout()
    assert not (project.root / "data/raw/cat/unique.png").exists()
    return hashlib.md5(b"unique").hexdigest()


PLACES = ["stash", "older stash", "index of a stash", "work tree", "refs/remotes/origin/work", "refs/exps/ab/cd/exp"]


@pytest.mark.parametrize("place", PLACES)
def test_gc_keeps_what_only_one_place_of_git_names(project, tmp_path, place):
    md5 = only_in(project, place, tmp_path)
    collect(project.root)
    assert md5 in project.objects()


def test_gc_keeps_what_a_linked_work_tree_has_not_committed_and_what_other_pointers_track(project, tmp_path):
    tree = tmp_path / "tree"
    project.git("worktree", "add", "-q", "--detach", str(tree))
    (project.root / "extra").mkdir()
    (project.root / "extra/x").write_text("x")
    with project.repo() as repo:
        repo.add(str(project.root / "extra"))
    (project.root / "extra.dvc").rename(tree / "elsewhere.dvc")
    before = project.objects()
    collect(project.root)
    assert project.objects() == before
    (tree / "elsewhere.dvc").unlink()
    collect(project.root)
    assert len(before - project.objects()) == 2


def test_gc_works_in_a_clone_that_has_one_release_only(project, two, tmp_path):
    (project.root / ".dvc/config").unlink()
    project.add_remote(tmp_path / "remote")
    assert push_all(project.root)
    clone = project.clone(tmp_path / "clone")
    restore(clone.root, "v1")
    left = clone.root / ".dvc/cache/files/md5/00" / ("0" * 30)
    left.parent.mkdir(exist_ok=True)
    left.write_text("nobody's")
    assert collect(clone.root).objects == 1
    restore(clone.root, "v1")


def test_gc_spares_what_a_forced_restore_put_aside_though_it_named_only_a_file(project, two):
    project.git("checkout", "-q", "-b", "mine")
    (project.root / "data/raw/cat/unique.png").write_bytes(b"unique")
    with project.repo() as repo:
        repo.add(str(project.root / "data/raw"))
    project.git("commit", "-qam", "only the pointer")
    (project.root / "params.yaml").write_text((project.root / "params.yaml").read_text() + "# mine\n")
    assert restore(project.root, "v2", force=True).saved
    project.git("checkout", "-qf", "main")
    project.git("branch", "-qD", "mine")
    collect(project.root)
    assert hashlib.md5(b"unique").hexdigest() in project.objects()


def test_links_into_the_cache_that_were_put_aside_become_files(project, two):
    (project.root / ".dvc/config").write_text("[cache]\n    type = symlink\n")
    with project.repo() as repo:
        repo.checkout(relink=True)
    raw = project.root / "data/raw"
    assert (raw / "cat/4.png").is_symlink()
    (raw / "cat/mine.png").write_bytes(b"mine")
    saved = restore(project.root, "v2", force=True).saved
    assert (saved / "data/raw/cat/mine.png").read_bytes() == b"mine"
    assert not any(path.is_symlink() for path in saved.rglob("*"))
    assert (saved / "data/raw/cat/4.png").read_bytes() == two[2]["data/raw/cat/4.png"]
    assert (raw / "cat/4.png").is_symlink()


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
    (project.root / "dvc.lock").write_text("stages: [")
    project.git("commit", "-qam", "broken")
    project.git("branch", "broken")
    project.git("reset", "-q", "--hard", "HEAD~2")
    before = project.objects()
    with pytest.raises(InputError, match=r"dvc.lock of commit .* is not what DVC writes"):
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
