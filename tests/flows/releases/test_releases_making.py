"""Releasing: what is committed and tagged, what the card says, what is refused, what is pushed."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

from flows.history import commit_lock
from flows.locks import workspace_lock
from flows.releases import releasing
from flows.releases.naming import check_name, list_releases
from flows.releases.releasing import release
from tasks.errors import InputError

NAMING = {"dvc.lock", "dvc.yaml", "params.yaml", "data/raw.dvc", "data/frozen.csv", "data/left_out.csv"}


def card_of(project, name="v1"):
    return json.loads(project.git("show", f"release/{name}:data/releases/{name}.json"))


def test_a_release_is_an_annotated_tag_on_a_commit_that_holds_the_card(project):
    before = project.git("rev-parse", "HEAD")
    release(project.root, "v1", "layered", "For the paper")
    assert project.git("cat-file", "-t", "release/v1") == "tag"
    assert project.git("tag", "-l", "--format=%(contents:subject)", "release/v1") == "For the paper"
    assert project.git("rev-parse", "release/v1^{commit}") == project.git("rev-parse", "HEAD")
    assert project.git("rev-parse", "HEAD~1") == before
    changed = set(project.git("show", "--name-only", "--format=", "HEAD").split())
    assert changed == {"data/releases/v1.json", "data/releases/v1.md"}
    assert project.git("status", "--short") == ""


def test_uncommitted_files_that_name_the_version_are_committed_with_it_and_nothing_else(project):
    project.become(1, commit=False)
    (project.root / "staged.txt").write_text("staged")
    project.git("add", "staged.txt")
    (project.root / "tasks/split.py").write_text("# decides nothing, but is changed\n")
    with pytest.raises(InputError, match="not up to date"):
        release(project.root, "v1", "layered")
    project.git("checkout", "-q", "tasks/split.py")
    (project.root / ".gitignore").write_text((project.root / ".gitignore").read_text() + "/else\n")
    release(project.root, "v1", "layered")
    changed = set(project.git("show", "--name-only", "--format=", "HEAD").split())
    assert changed == {"dvc.lock", "params.yaml", "data/raw.dvc", "data/releases/v1.json", "data/releases/v1.md"}
    assert project.git("diff", "--cached", "--name-only") == "staged.txt"
    assert project.git("diff", "--name-only") == ".gitignore"


def test_the_card_counts_what_the_tables_hold(project):
    release(project.root, "v1", "layered")
    card = card_of(project)
    assert card["classes"] == {
        "Dog / Ünï": {
            "before": 2,
            "test": 1,
            "after": {"original": 2, "copy": 1, "augmented": 2, "mixed": 1, "synthetic": 1},
        },
        "cat": {"before": 6, "test": 1, "after": {"original": 6}},
    }
    assert card["images"] == 13
    assert card["origins"] == {"original": 8, "copy": 1, "augmented": 2, "mixed": 1, "synthetic": 1}
    assert card["synthetic_share"] == round(1 / 13, 4)
    assert card["issues"] == {"dark": 1}
    assert card["license"] == "CC0"
    lock = (project.root / "dvc.lock").read_text()
    pointer = (project.root / "data/raw.dvc").read_text()
    for key, text in (("raw", pointer), ("catalog", lock), ("splits", lock), ("balanced", lock)):
        assert card["hashes"][key] in text
    assert card["parameters"]["balance"] == {"backbone": "efficientnet_lite0", "seed": 0}


def test_the_card_for_people_says_the_same_and_breaks_on_no_sign(project):
    release(project.root, "v1", "layered")
    text = (project.root / "data/releases/v1.md").read_text()
    assert r"A generator \| of tests" in text
    assert "| cat | 6 | 6 | 6 | 0 | 0 | 0 | 0 | 1 |" in text
    assert re.search(r"\| dark \| 1 \|", text)
    assert "equipoise restore v1" in text
    assert str(project.root) not in text


def test_the_same_version_gives_the_same_card_in_every_clone(project, tmp_path):
    from flows.releases.restoring import restore

    project.add_remote(tmp_path / "remote")
    release(project.root, "v1", "layered")
    clone = project.clone(tmp_path / "clone")
    restore(clone.root, "v1")
    clone.run()
    clone.git("tag", "-d", "release/v1")
    release(clone.root, "v1", "layered", push=False)
    for suffix in (".json", ".md"):
        path = f"data/releases/v1{suffix}"
        assert (clone.root / path).read_bytes() == (project.root / path).read_bytes()


@pytest.mark.parametrize("name", ["", "-x", "a b", "a..b", "v1.lock", "v1.", "ä", "a/b", "x" * 65, "v1\n", ".v"])
def test_names_that_git_or_a_file_system_refuses_are_refused(name):
    with pytest.raises(InputError, match="can't name a release"):
        check_name(name)


def test_a_taken_name_is_refused_for_another_version_and_kept_for_the_same(project, capsys):
    release(project.root, "v1", "layered")
    head = project.git("rev-parse", "HEAD")
    release(project.root, "v1", "layered")
    assert "is there already" in capsys.readouterr().out
    assert project.git("rev-parse", "HEAD") == head
    with pytest.raises(InputError, match=r"'v1' is taken: .* recipe layered"):
        release(project.root, "v1", "natural")
    with pytest.raises(InputError, match="differs by case only"):
        release(project.root, "V1", "layered")
    assert [found.name for found in list_releases(project.root)] == ["v1"]


def test_a_stale_recipe_is_refused_and_another_one_is_not(project):
    project.set(balance__seed=1)
    with pytest.raises(InputError, match=r"not up to date .*balance@layered.*equipoise run balance@layered"):
        release(project.root, "v1", "layered")
    project.become(1)
    (project.root / "data/balanced/layered/images/dogs").mkdir(exist_ok=True)
    (project.root / "data/balanced/layered/stray").write_text("x")
    with pytest.raises(InputError, match="not up to date"):
        release(project.root, "v1", "layered")
    assert release(project.root, "v1", "natural").card["recipe"] == "natural"


def test_data_that_the_cache_has_lost_are_no_release(project):
    card_hash = next(
        line.split()[-1]
        for line in (project.root / "dvc.lock").read_text().split("data/balanced/layered")[-1].splitlines()
        if ".dir" in line
    )
    cached = project.root / ".dvc/cache/files/md5" / card_hash[:2] / card_hash[2:]
    file = json.loads(cached.read_text())[0]["md5"]
    (project.root / ".dvc/cache/files/md5" / file[:2] / file[2:]).unlink()
    with pytest.raises(InputError, match="cache"):
        release(project.root, "v1", "layered")
    assert list_releases(project.root) == []


def test_without_a_recipe_it_is_that_of_the_recommended_strategy(project):
    with pytest.raises(InputError, match="--recipe; there are natural, layered"):
        release(project.root, "v1")
    with pytest.raises(InputError, match="no recipe 'x'; there are natural, layered"):
        release(project.root, "v1", "x")
    board = project.root / "reports/compare/leaderboard.json"
    board.parent.mkdir()
    board.write_text('{"recommended": "focal"}')
    assert release(project.root, "v1").card["recipe"] == "natural"


def test_without_git_or_commits_it_says_so(project, tmp_path):
    (tmp_path / "plain").mkdir()
    with pytest.raises(InputError, match="git init"):
        release(tmp_path / "plain", "v1", "layered")
    (project.root / ".git").rename(tmp_path / "git")
    project.git("init", "-q")
    with pytest.raises(InputError, match="no commit yet"):
        release(project.root, "v1", "layered")


def test_changed_code_is_told_of(project, capsys):
    lock = project.root / "dvc.lock"
    (project.root / "tasks/split.py").write_text("# another\n")
    project.run()
    release(project.root, "v1", "layered")
    assert "has not committed the code that made this: tasks/split.py" in capsys.readouterr().out
    assert "tasks/split.py" in project.git("status", "--short")
    assert lock.read_text() == project.git("show", "HEAD:dvc.lock") + "\n"


def test_an_unknown_state_of_the_issues_is_said(project):
    (project.root / "reports/explore/explore.json").unlink()
    assert release(project.root, "v1", "layered").card["issues"] is None
    assert "Not known" in (project.root / "data/releases/v1.md").read_text()


@pytest.mark.parametrize("step", ["write_json", "write_text", "commit_only", "tag"])
def test_a_release_that_was_interrupted_is_finished_by_the_same_command(project, monkeypatch, step):
    release(project.root, "v1", "layered")
    expected = project.git("show", "release/v1:data/releases/v1.md")
    project.git("tag", "-d", "release/v1")
    project.git("reset", "-q", "--hard", "HEAD~1")

    def end(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        if step == "tag":
            real = releasing.git
            patched.setattr(releasing, "git", lambda root, *rest: end() if rest[0] == "tag" else real(root, *rest))
        else:
            patched.setattr(releasing, step, end)
        with pytest.raises(KeyboardInterrupt):
            release(project.root, "v1", "layered")
    assert list_releases(project.root) == []
    release(project.root, "v1", "layered")
    assert project.git("show", "release/v1:data/releases/v1.md") == expected
    assert project.git("status", "--short") == ""


def test_it_holds_the_workspace(project):
    with workspace_lock(project.root), pytest.raises(InputError, match="another run"):
        release(project.root, "v1", "layered")


def test_what_a_release_needs_is_pushed_and_no_more(project, tmp_path):
    remote = project.add_remote(tmp_path / "remote")
    assert release(project.root, "v1", "layered", push=False).pushed is None
    assert not any(remote.iterdir())
    assert release(project.root, "v1", "layered").pushed is True
    there = {path.parent.name + path.name for path in remote.rglob("*") if path.is_file()}
    files = project.contents("data/raw", "data/catalog", "data/splits", "data/balanced/layered").values()
    assert {name for name in there if not name.endswith(".dir")} == {hashlib.md5(file).hexdigest() for file in files}
    assert len([name for name in there if name.endswith(".dir")]) == 4


def test_a_failed_push_leaves_the_release_in_place(project, tmp_path, equipoise):
    remote = project.add_remote(tmp_path / "remote")
    remote.rmdir()
    remote.write_text("a file where a folder must be")
    code, printed = equipoise("release", "v1", "--recipe", "layered")
    assert code == 1
    assert "the push of v1 to store failed" in printed
    assert "equipoise releases --push" in printed
    assert [found.name for found in list_releases(project.root)] == ["v1"]
    remote.unlink()
    code, printed = equipoise("release", "v1", "--recipe", "layered")
    assert code == 0
    assert "stands in the remote store" in printed


def test_all_releases_can_be_pushed_later(project, two, tmp_path, equipoise):
    assert equipoise("releases", "--push")[0] == 2, "there is no remote"
    remote = project.add_remote(tmp_path / "remote")
    code, printed = equipoise("releases", "--push")
    assert code == 0
    for name in ("v1", "v2"):
        assert f"all that {name} needs stands in the remote store" in printed
    there = {path.parent.name + path.name for path in remote.rglob("*") if path.is_file()}
    for version in (0, 2):
        folders = ("data/raw/", "data/catalog/", "data/splits/", "data/balanced/layered/")
        wanted = [content for name, content in two[version].items() if name.startswith(folders)]
        assert {hashlib.md5(content).hexdigest() for content in wanted} <= there


def test_releases_are_listed_with_what_they_hold(project, equipoise, tmp_path):
    code, printed = equipoise("releases")
    assert code == 0
    assert "no releases yet" in printed
    project.add_remote(tmp_path / "remote")
    equipoise("release", "v1", "--recipe", "layered")
    equipoise("release", "v2", "--recipe", "natural", "--no-push")
    code, printed = equipoise("releases")
    assert code == 0
    lines = [line.split() for line in printed.splitlines()]
    date = project.git("tag", "-l", "--format=%(creatordate:short)", "release/v1")
    assert lines[1:] == [
        ["v1", "layered", date, "2", "13", "8", "4", "store"],
        ["v2", "natural", date, "2", "8", "8", "0"],
    ]


def test_a_tag_without_a_card_is_listed_and_breaks_nothing(project, equipoise):
    project.git("tag", "release/by-hand")
    code, printed = equipoise("releases")
    assert code == 0
    assert "by-hand" in printed
    assert "no card" in printed


def test_a_tag_on_a_file_is_no_release(project):
    project.git("tag", "release/file", project.git("hash-object", "-w", "dvc.yaml"))
    release(project.root, "v1", "layered")
    assert [found.name for found in list_releases(project.root)] == ["v1"]


@pytest.mark.parametrize("message", [" ", "# 1 mends it", ""])
def test_every_message_makes_a_tag(project, message):
    release(project.root, "v1", "layered", message)
    said = project.git("tag", "-l", "--format=%(contents)", "release/v1")
    assert said.startswith(message.strip() or "Release v1: recipe layered")


def test_a_name_that_was_given_up_is_not_taken_for_pushed(project, tmp_path, equipoise):
    project.add_remote(tmp_path / "remote")
    release(project.root, "v1", "layered")
    assert "store" in equipoise("releases")[1]
    project.git("tag", "-d", "release/v1")
    project.become(1)
    release(project.root, "v1", "layered", push=False)
    assert "store" not in equipoise("releases")[1]


def test_a_run_commits_all_files_that_name_the_version(project):
    for name in ("params.yaml", "data/frozen.csv"):
        (project.root / name).write_text((project.root / name).read_text() + "\n")
    (project.root / "tasks/split.py").write_text("# other code\n")
    assert commit_lock(project.root).startswith("git: committed dvc.lock, dvc.yaml, params.yaml")
    assert set(project.git("show", "--name-only", "--format=", "HEAD").split()) == {"params.yaml", "data/frozen.csv"}
    assert project.git("status", "--short") == "M tasks/split.py"
    assert commit_lock(project.root) == "git: nothing new to commit"


def test_mistakes_end_with_exit_code_2(equipoise):
    code, printed = equipoise("release", "a/b", "--recipe", "layered")
    assert code == 2
    assert printed.startswith("error: 'a/b' can't name a release")
    assert Path("params.yaml").exists()
