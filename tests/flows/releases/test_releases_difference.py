"""Comparing versions: what counts as added, replaced, relabelled, moved, made; read without a checkout."""

from __future__ import annotations

import shutil
from contextlib import chdir
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from flows.releases.comparing import diff
from flows.releases.difference import compare
from flows.releases.difference_page import difference_page
from flows.releases.naming import resolve
from flows.releases.pushing import push_all
from flows.releases.releasing import release
from flows.releases.snapshots import Snapshot
from tasks.errors import InputError


def snapshot(images=(), places=(), rows=(), params=None, name="a"):
    return Snapshot(
        name,
        pd.DataFrame([(*image, [image[1]]) if len(image) == 3 else image for image in images], columns=IMAGES),
        pd.DataFrame(places, columns=["image_id", "label", "part", "fold"]),
        {"r": pd.DataFrame(rows, columns=["row_id", "label", "origin", "file", "content"])},
        params or {},
        (),
    )


IMAGES = ["image_id", "path", "label", "paths"]


def records(frame):
    return [tuple(row) for row in frame.itertuples(index=False)]


def test_each_image_is_told_once_and_for_what_happened_to_it():
    first = [("1", "same", "x"), ("2", "gone", "x"), ("3", "file", "x"), ("4", "old name", "y"), ("5", "doubt", "x")]
    second = [("1", "same", "x"), ("6", "new", "y"), ("7", "file", "x"), ("4", "new name", "y"), ("5", "doubt", "y")]
    found = compare(snapshot(first), snapshot(second), [])
    assert records(found.added) == [("6", "new", "y")]
    assert records(found.removed) == [("2", "gone", "x")]
    assert records(found.replaced) == [("file", "x", "3", "7")]
    assert records(found.renamed) == [("4", "old name", "new name")]
    assert records(found.relabelled) == [("5", "doubt", "x", "y")]


def test_an_image_that_took_the_path_of_a_removed_one_is_renamed_and_the_other_removed():
    found = compare(snapshot([("1", "p", "x"), ("2", "q", "x")]), snapshot([("2", "p", "x")]), [])
    assert records(found.renamed) == [("2", "q", "p")]
    assert records(found.removed) == [("1", "p", "x")]
    assert found.replaced.empty


def test_an_image_of_which_a_copy_came_or_went_is_renamed_only_if_the_old_path_is_gone():
    first = [("1", "b", "x"), ("2", "m", "x", ["m", "n"]), ("3", "q", "x")]
    second = [("1", "a", "x", ["a", "b"]), ("2", "n", "x"), ("3", "r", "x", None)]
    found = compare(snapshot(first), snapshot(second), [])
    assert records(found.renamed) == [("2", "m", "n"), ("3", "q", "r")]


def test_moves_between_parts_and_folds_are_counted_apart():
    first = [("1", "x", "train", 0), ("2", "x", "train", 1), ("3", "x", "test", None), ("4", "x", "train", 0)]
    second = [("1", "x", "train", 1), ("2", "x", "test", None), ("3", "x", "test", None), ("9", "x", "train", 0)]
    found = compare(snapshot(places=first), snapshot(places=second), [])
    assert records(found.moved[["image_id", "first", "second"]]) == [
        ("1", "train, fold 0", "train, fold 1"),
        ("2", "train, fold 1", "test"),
    ]
    assert found.moves == {"between folds": 1, "train → test": 1}
    assert records(found.training) == [("x", 3, 2)]


def test_rows_of_balanced_sets_are_compared_by_id_and_content():
    first = [("o", "x", "original", None, ""), ("a", "x", "augmented", "f", "1"), ("b", "x", "augmented", "g", "2")]
    second = [("c", "x", "copy", None, ""), ("a", "x", "augmented", "f", "9"), ("n", "y", "mixed", "h", "3")]
    (found,) = compare(snapshot(rows=first), snapshot(rows=second), [("r", "r")]).recipes
    numbers = {name: list(getattr(found, name)["row_id"]) for name in ("made", "dropped", "remade", "entered", "left")}
    assert numbers == {"made": ["n"], "dropped": ["b"], "remade": ["a"], "entered": ["c"], "left": ["o"]}
    assert found.numbers == (1, 1, 1, 1, 1)
    assert records(found.counts) == [
        ("x", "original", 1, 0),
        ("x", "copy", 0, 1),
        ("x", "augmented", 2, 1),
        ("y", "mixed", 0, 1),
    ]


def test_parameters_that_decide_the_set_are_compared_one_by_one():
    first = {"split": {"folds": 5, "seed": 0}, "train": {"steps": 1}, "recipes": {"r": {"augment": "none"}}}
    second = {"split": {"folds": 3, "seed": 0}, "train": {"steps": 2}, "recipes": {"r": {"augment": "all", "to": [1]}}}
    found = compare(snapshot(params=first), snapshot(params=second), [("r", "r")])
    assert found.parameters == [
        ("split.folds", 5, 3),
        ("recipes.r.augment", "none", "all"),
        ("recipes.r.to", None, [1]),
    ]


def test_versions_that_are_the_same_do_not_differ():
    one = snapshot(
        [("1", "p", "x")], [("1", "x", "train", 0)], [("1", "x", "original", None, "")], {"split": {"by": 1}}
    )
    found = compare(one, one, [("r", "r")])
    assert sum(len(frame) for frame in (found.added, found.removed, found.replaced, found.relabelled, found.moved)) == 0
    assert (found.parameters, found.moves, found.recipes[0].numbers) == ([], {}, (0, 0, 0, 0, 0))


def test_two_releases_of_a_project_differ_as_they_were_made_to(project, two):
    found = diff(project.root, "v1", "v2")
    assert list(found.added["path"]) == ["cat/new.png", "cat/newest.png"]
    assert list(found.removed["path"]) == ["cat/0.png"]
    assert list(found.replaced["path"]) == ["cat/1.png"]
    assert records(found.renamed)[0][1:] == ("cat/3.png", "cat/three.png")
    assert records(found.relabelled)[0][1:] == ("cat/2.png", "cat", "Dog / Ünï")
    assert records(found.moved)[0][1:] == ("cat/test.png", "cat", "test", "train, fold 1")
    assert found.parameters == [("balance.seed", 0, 2)]
    (recipe,) = found.recipes
    assert recipe.title == "layered"
    assert len(recipe.counts)


def test_nothing_is_checked_out_and_the_default_is_the_working_tree(project, two):
    before = project.contents()
    head = project.git("rev-parse", "HEAD")
    found = diff(project.root, "v2")
    assert (found.second, len(found.added), found.recipes[0].numbers) == ("working tree", 0, (0, 0, 0, 0, 0))
    found = diff(project.root, "v1")
    assert len(found.added) == 2
    (project.root / "data/balanced/layered/images/dogs").rename(project.root / "moved")
    changed = next((project.root / "moved").iterdir())
    changed.write_text("other content")
    (project.root / "moved").rename(project.root / "data/balanced/layered/images/dogs")
    assert list(diff(project.root, "v2").recipes[0].remade["row_id"]) == [changed.stem]
    changed = project.root / "data/balanced/layered/images/dogs" / changed.name
    changed.write_bytes(before[changed.relative_to(project.root).as_posix()])
    assert project.contents() == before
    assert project.git("rev-parse", "HEAD") == head


def test_any_revision_can_be_compared_also_without_data_in_the_workspace(project, two):
    for folder in ("data/raw", "data/catalog", "data/splits", "data/balanced"):
        shutil.rmtree(project.root / folder)
    middle = project.git("rev-parse", "HEAD~2")
    found = diff(project.root, "release/v1", middle[:10])
    assert [recipe.title for recipe in found.recipes] == ["layered"]
    assert list(found.added["path"]) == ["cat/new.png"]
    assert [recipe.title for recipe in diff(project.root, "HEAD~1", "HEAD").recipes] == ["natural", "layered", "more"]
    found = diff(project.root, "HEAD")
    assert "working tree has no data/catalog/catalog.parquet" in found.lacks
    assert len(found.removed) == 13


def test_tables_that_the_cache_lacks_come_from_the_remote_and_no_images_with_them(project, two, tmp_path):
    clone = project.clone(tmp_path / "clone")
    with pytest.raises(InputError, match=r"of v1.*neither in DVC's cache.*no default remote"):
        diff(clone.root, "v1", "v2")
    for each in (project, clone):
        (each.root / ".dvc/config").unlink()
        shutil.rmtree(tmp_path / "remote", ignore_errors=True)
    remote = project.add_remote(tmp_path / "remote")
    assert push_all(project.root)
    (clone.root / ".dvc/config").write_text((project.root / ".dvc/config").read_text())
    assert len(diff(clone.root, "v1", "v2").added) == 2
    assert len(clone.objects()) == 12  # of two versions the lists and tables of catalog, splits and balanced set
    assert any(remote.iterdir())


def test_older_tables_with_fewer_columns_are_read(project):
    release(project.root, "v1", "layered")
    for name, gone in (("catalog/catalog", "phash"), ("splits/splits", "fold"), ("balanced/layered/balanced", "file")):
        path = project.root / f"prepared/0/{name}.parquet"
        pq.write_table(pq.read_table(path).drop_columns([gone]), path)
    with chdir(project.root), project.repo() as repo:
        repo.reproduce(force=True)
    project.git("commit", "-qam", "older")
    found = diff(project.root, "HEAD", "v1")
    assert found.renamed.empty
    assert len(found.moved) == 8  # of no fold, to one
    assert found.recipes[0].numbers == (0, 0, 4, 0, 0)


def test_recipes_can_be_named_and_unknown_names_are_refused(project, two):
    assert [recipe.title for recipe in diff(project.root, "v1", "v2", "natural").recipes] == ["natural"]
    found = diff(project.root, "v1", "v2", "more")
    assert found.lacks == ["v1 has no data/balanced/more/balanced.parquet"]
    with pytest.raises(InputError, match="recipe 'x'; they have natural, layered, more"):
        diff(project.root, "v1", "v2", "x")
    for second in ("v9", ""):
        with pytest.raises(InputError, match="neither a release nor a git revision"):
            diff(project.root, "v1", second)
    for text in ("v9", "--help", "v1..v2", ""):
        with pytest.raises(InputError, match="neither a release nor a git revision; the releases are v1, v2"):
            resolve(project.root, text)


def test_parameters_of_another_shape_are_compared_as_far_as_they_go(project, two):
    (project.root / "params.yaml").write_text("recipes: [a]\nsplit: 3\n")
    found = diff(project.root, "v2")
    changed = {key: after for key, _, after in found.parameters}
    assert (changed["split"], changed["recipes.layered"]) == (3, None)


def test_a_list_of_files_that_is_damaged_is_told_and_not_believed(project, two):
    lists = [name for name in project.objects() if name.endswith(".dir")]
    for name in lists:
        path = project.root / ".dvc/cache/files/md5" / name[:2] / name[2:]
        content = path.read_bytes()
        path.chmod(0o644)
        path.write_bytes(content[:50])
        path.chmod(0o444)  # as DVC protects it, which then trusts it
    with pytest.raises(InputError, match=r"list of its files, .*, is not what DVC writes"):
        diff(project.root, "v1")
    path.chmod(0o644)


def test_a_page_that_can_not_be_written_is_said(two, equipoise, tmp_path):
    code, printed = equipoise("diff", "v1", "--html", str(tmp_path))
    assert code == 2
    assert "can't be written there" in printed


def test_a_release_goes_before_a_branch_of_the_same_name(project, two):
    project.git("branch", "v1", "HEAD")
    assert resolve(project.root, "v1")[0] == project.git("rev-parse", "release/v1^{commit}")


def test_the_terminal_shows_counts_and_the_first_of_each_list(two, equipoise):
    code, printed = equipoise("diff", "v1", "v2")
    assert code == 0
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    assert "added 2" in lines
    assert "moved test → train 1" in lines
    assert "balance.seed 0 2" in lines
    assert "cat 6 7 +1" in lines
    assert "cat/2.png cat Dog / Ünï" in lines
    assert "\x1b" not in printed


def test_the_page_escapes_what_comes_from_data(project, two, equipoise, tmp_path: Path):
    code, printed = equipoise("diff", "v1", "--html", str(tmp_path / "d.html"))
    assert code == 0
    assert str(tmp_path / "d.html") in printed
    page = (tmp_path / "d.html").read_text()
    for text in ("cat/newest.png", "balance.seed", "test → train", "Balanced set of layered"):
        assert text in page
    evil = "<script>alert(1)</script>"
    found = compare(
        snapshot([("1", evil, evil)], [("1", evil, "train", 0)], [("1", evil, evil, "f", "")], {"split": {evil: 1}}),
        snapshot(name=evil),
        [("r", "r")],
    )
    text = difference_page(found)
    assert evil not in text
    assert "&lt;script&gt;" in text


def test_long_lists_are_cut_and_say_so(equipoise):
    from flows.releases import showing

    many = snapshot([(str(n), f"{n:04}.png", "x") for n in range(1200)])
    found = compare(snapshot(), many, [])
    page = difference_page(found)
    assert "1,200" in page
    assert "The first 500" in page
    assert "0499.png" in page
    assert "0500.png" not in page
    showing.difference(found)
