"""The dataset: what is found, what is refused, what is copied, and that DVC brings every version back."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
import tempfile
import unicodedata
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from flows.dataset import Columns, Way, add, bringing, discard, freeze, place, sample, samples
from flows.dataset.bringing import bring
from flows.locks import workspace_lock
from tasks.errors import InputError


def make(folder: Path, *files: str) -> Path:
    """Files whose content is their own path: nothing here opens an image."""
    for name in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content of {name}")
    return folder


def contents(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def rows(root: Path) -> list[dict[str, str]]:
    with (root / "data/raw/table.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True).stdout


def commit(root: Path) -> str:
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "version")
    return git(root, "rev-parse", "HEAD").strip()


@pytest.fixture
def root(tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with git and DVC, as a clone has it; the current folder is another one."""
    from dvc.repo import Repo

    root = tmp_path / "workspace"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    Repo.init(str(root)).close()
    shutil.copy(repository / ".gitignore", root)
    commit(root)
    monkeypatch.chdir(tmp_path)
    return root


@pytest.fixture
def project_root(root: Path, repository: Path) -> Path:
    """A workspace that has parameters, too."""
    shutil.copy(repository / "params.yaml", root)
    return root


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return make(tmp_path / "photos", "cat/1.png", "cat/2.PNG", "dog/old/1.jpg", "dog/2.jpeg")


def test_class_folders_are_copied_and_tracked(root: Path, photos: Path) -> None:
    report = add(root, photos)
    assert contents(root / "data/raw") == contents(photos)
    assert (report.images, report.classes, report.copied) == (4, {"cat": 2, "dog": 2}, 4)
    assert report.version in "md5: " + (root / "data/raw.dvc").read_text()
    assert git(root, "status", "--short", "-uall").split() == ["??", "data/raw.dvc"], "no .gitignore of DVC's own"


def test_a_later_edit_of_the_source_changes_nothing(root: Path, photos: Path) -> None:
    before = contents(photos)
    add(root, photos)
    (photos / "cat/1.png").write_text("edited in place")
    (photos / "dog/2.jpeg").unlink()
    assert contents(root / "data/raw") == before
    assert not any(path.is_symlink() or path.stat().st_nlink > 1 for path in (root / "data/raw").rglob("*.png"))


def test_git_and_dvc_checkout_bring_an_earlier_version_back(root: Path, photos: Path, tmp_path: Path) -> None:
    from dvc.repo import Repo

    add(root, photos)
    first, before = commit(root), contents(root / "data/raw")
    add(root, make(tmp_path / "other", "bird/1.png", "fish/1.png"), replace=True)
    second, after = commit(root), contents(root / "data/raw")
    assert set(after) == {"bird/1.png", "fish/1.png"}
    for version, expected in ((first, before), (second, after), (first, before)):
        git(root, "checkout", "-q", version)
        with Repo(str(root)) as repo:
            repo.checkout()
        assert contents(root / "data/raw") == expected


def test_more_images_join_those_that_are_there(root: Path, photos: Path, tmp_path: Path) -> None:
    add(root, photos)
    report = add(root, make(tmp_path / "more", "cat/1.png", "cat/3.png", "bird/1.png"))
    assert report.classes == {"bird": 1, "cat": 3, "dog": 2}
    assert report.copied == 2, "the same image at the same path is there already"
    assert len(contents(root / "data/raw")) == 6


def test_adding_the_same_again_changes_nothing(root: Path, photos: Path) -> None:
    first = add(root, photos)
    second = add(root, photos)
    assert (second.copied, second.version, second.classes) == (0, first.version, first.classes)


def test_other_content_at_the_same_path_is_refused(root: Path, photos: Path) -> None:
    add(root, photos)
    before = contents(root / "data/raw")
    (photos / "cat/1.png").write_text("content of cat/9.png")  # as long as before
    with pytest.raises(InputError, match=r"cat/1\.png: is there with other content\n.*--replace"):
        add(root, photos)
    assert contents(root / "data/raw") == before
    commit(root)
    add(root, photos, replace=True)
    assert (root / "data/raw/cat/1.png").read_text() == "content of cat/9.png"


def test_a_dataset_that_git_could_not_bring_back_is_not_replaced(root: Path, photos: Path, tmp_path: Path) -> None:
    other = make(tmp_path / "other", "bird/1.png", "fish/1.png")
    add(root, photos)
    with pytest.raises(InputError, match=r"git add data/raw\.dvc && git commit"):
        add(root, other, replace=True)
    commit(root)
    make(root / "data/raw", "cat/by_hand.png")
    with pytest.raises(InputError, match="could not be brought back"):
        add(root, other, replace=True)
    commit(root)  # `add` had DVC keep what was put there by hand, so a commit is all it takes
    assert add(root, other, replace=True).classes == {"bird": 1, "fish": 1}


def test_a_clone_without_the_data_is_not_overwritten(root: Path, photos: Path) -> None:
    add(root, photos)
    shutil.rmtree(root / "data/raw")
    for start in (lambda: add(root, photos), lambda: sample(root)):
        with pytest.raises(InputError, match="dvc pull"):
            start()


HEADER = "image_id,part,repeat,fold\n"


def split_into(root: Path, repository: Path, **part_of: str) -> None:
    """A project whose split gives images these parts; what the stages before it made is not looked at."""
    import pandas as pd

    from tasks.tables import SPLITS

    rows = [
        {
            "image_id": name,
            "group": name,
            "label": "cat",
            "part": part,
            "repeat": 0,
            "fold": 0 if part == "train" else None,
        }
        for name, part in part_of.items()
    ]
    (root / "data/splits").mkdir(parents=True, exist_ok=True)
    SPLITS.write(pd.DataFrame(rows).astype({"fold": "Int16"}), root / "data/splits/splits.parquet")
    (root / "data/frozen.csv").write_text(HEADER)
    if not (root / "params.yaml").exists():
        shutil.copy(repository / "params.yaml", root)


def test_freezing_writes_the_present_places_and_discarding_empties_the_file(
    root: Path, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match="there is no split yet; `equipoise run split`"):
        freeze(root)
    split_into(root, repository, b="train", a="test", x="excluded")
    freeze(root)
    assert (root / "data/frozen.csv").read_text() == HEADER + "a,test,0,\nb,train,0,0\n"
    assert "places of 2 images; keep it in git: git add data/frozen.csv" in capsys.readouterr().out
    discard(root)
    assert (root / "data/frozen.csv").read_text() == HEADER
    (root / "params.yaml").write_text((root / "params.yaml").read_text().replace("frozen: true ", "frozen: false"))
    freeze(root)
    assert "set split.frozen=true" in capsys.readouterr().out


def test_the_split_is_frozen_before_images_join_so_that_old_ones_stay(
    root: Path, repository: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frozen = root / "data/frozen.csv"
    add(root, photos)
    split_into(root, repository, a="test", b="train")
    capsys.readouterr()
    add(root, photos)
    assert frozen.read_text() == HEADER, "nothing new, so nothing to protect from"
    add(root, make(tmp_path / "more", "cat/3.png"))
    assert frozen.read_text() == HEADER + "a,test,0,\nb,train,0,0\n"
    assert "keep their places: data/frozen.csv holds those of 2" in capsys.readouterr().out
    add(root, make(tmp_path / "again", "cat/4.png"))
    assert "keep their places" not in capsys.readouterr().out, "they are frozen already"
    split_into(root, repository, a="test", b="train", c="train")
    add(root, make(tmp_path / "then", "cat/5.png"))
    assert frozen.read_text().endswith("c,train,0,0\n"), "what joined last time stays as well"


def test_a_split_that_is_not_to_be_obeyed_is_not_frozen(
    root: Path, repository: Path, photos: Path, tmp_path: Path
) -> None:
    add(root, photos)
    split_into(root, repository, a="test", b="train")
    (root / "params.yaml").write_text((root / "params.yaml").read_text().replace("frozen: true ", "frozen: false"))
    add(root, make(tmp_path / "more", "cat/3.png"))
    assert (root / "data/frozen.csv").read_text() == HEADER


class Killed(BaseException):
    pass


@pytest.mark.parametrize("moment", ["copying", "before the old goes", "between the renames"])
def test_killed_half_way_loses_nothing(
    root: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    add(root, photos)
    before = contents(root / "data/raw")
    more = make(tmp_path / "more", "cat/3.png", "dog/3.png")
    rename = Path.rename
    # A killed process runs no `finally`, so the clean-up is switched off too.
    monkeypatch.setattr(place.shutil, "rmtree", lambda *_, **__: None)

    def kill(*_: object) -> None:
        raise Killed

    def stop_rename(self: Path, target: Path) -> Path:
        if (self.name == "raw") == (moment == "before the old goes"):
            raise Killed
        return rename(self, target)

    if moment == "copying":
        monkeypatch.setattr(place.shutil, "copyfile", kill)
    else:
        monkeypatch.setattr(Path, "rename", stop_rename)
    with pytest.raises(Killed):
        add(root, more)
    monkeypatch.undo()
    survivors = [root / "data/raw", root / ".equipoise/scratch/raw-old"]
    assert before in [contents(folder) for folder in survivors if folder.exists()]
    assert add(root, more).classes == {"cat": 3, "dog": 3}
    assert set(before) < set(contents(root / "data/raw"))
    assert not any((root / ".equipoise/scratch").iterdir())


def test_a_table_brings_labels_groups_and_parts(root: Path, tmp_path: Path) -> None:
    folder = make(tmp_path / "scans", "a/1.png", "a/2.png", "b/3.dat", "b/unnamed.png")
    (folder / "labels.csv").write_text(
        "\ufeffpath;label;group;part;camera\na/1.png;cat;x;Train;1\n./a/2.png;dog;x;validation;2\n"
        f"{folder / 'b/3.dat'};dog;;test;3\n",
        encoding="utf-8",
    )
    assert add(root, folder / "labels.csv").classes == {"cat": 1, "dog": 2}
    assert rows(root) == [
        {"path": "a/1.png", "label": "cat", "group": "x", "part": "train"},
        {"path": "a/2.png", "label": "dog", "group": "x", "part": "val"},
        {"path": "b/3.dat", "label": "dog", "group": "", "part": "test"},
    ]
    assert set(contents(root / "data/raw")) == {"a/1.png", "a/2.png", "b/3.dat", "table.csv"}


def test_a_parquet_table_reads_like_a_csv_table(root: Path, tmp_path: Path) -> None:
    folder = make(tmp_path / "scans", "1.png", "2.png", "3.png")
    columns = {"path": ["1.png", "2.png", "3.png"], "label": [0, 1, None], "Group": ["g", None, None]}
    pq.write_table(pa.table(columns), folder / "labels.parquet")
    assert add(root, folder / "labels.parquet").classes == {"0": 1, "1": 1}
    assert [(row["label"], row["group"]) for row in rows(root)] == [("0", "g"), ("1", ""), ("", "")]


def test_a_folder_with_a_table_is_read_by_its_table(root: Path, tmp_path: Path) -> None:
    folder = make(tmp_path / "scans", "x/1.png", "x/2.png")
    (folder / "table.csv").write_text("path,label\nx/1.png,cat\nx/2.png,dog\n")
    assert add(root, folder).classes == {"cat": 1, "dog": 1}


def test_train_val_and_test_folders_become_parts(root: Path, tmp_path: Path) -> None:
    folder = make(tmp_path / "split", "train/cat/1.png", "train/dog/1.png", "valid/cat/2.png", "Test/dog/2.png")
    assert add(root, folder).classes == {"cat": 2, "dog": 2}
    assert {(row["path"], row["label"], row["part"]) for row in rows(root)} == {
        ("Test/dog/2.png", "dog", "test"),
        ("train/cat/1.png", "cat", "train"),
        ("train/dog/1.png", "dog", "train"),
        ("valid/cat/2.png", "cat", "val"),
    }


def test_what_has_to_be_asked_of_given_parts_is_asked_of_the_classes_that_are_kept(
    project_root: Path, tmp_path: Path
) -> None:
    places = [f"{part}/{label}/{part}{label}.png" for part in ("train", "val") for label in ("cat", "dog")]
    folder = make(tmp_path / "set", *places, "test/junk/1.png", "train/junk/2.png")
    with pytest.raises(InputError, match="you gave the parts train and val, and no test part"):
        add(project_root, folder, settings=["ingest.drop=[junk]"])
    assert not (project_root / "data/raw").exists()
    assert add(project_root, folder).classes == {"cat": 2, "dog": 2, "junk": 2}


def test_a_damaged_header_stops_no_look_at_the_sizes(root: Path, tmp_path: Path) -> None:
    folder = make(tmp_path / "set", "cat/1.png", "dog/1.png")
    photo(folder / "cat/2.dds", "DDS")
    data = (folder / "cat/2.dds").read_bytes()
    (folder / "cat/2.dds").write_bytes(data[:80] + bytes(4) + data[84:])  # no kind of pixels
    assert add(root, folder).images == 3


def test_folders_and_a_table_join_into_one_table(root: Path, photos: Path, tmp_path: Path) -> None:
    add(root, photos)
    scans = make(tmp_path / "scans", "new/1.png")
    (scans / "labels.csv").write_text("path,label,group\nnew/1.png,cat,patient 7\n")
    assert add(root, scans / "labels.csv").classes == {"cat": 3, "dog": 2}
    assert {row["path"]: (row["label"], row["group"]) for row in rows(root)} == {
        "cat/1.png": ("cat", ""),
        "cat/2.PNG": ("cat", ""),
        "dog/2.jpeg": ("dog", ""),
        "dog/old/1.jpg": ("dog", ""),
        "new/1.png": ("cat", "patient 7"),
    }
    report = add(root, make(tmp_path / "more", "dog/9.png"))
    assert report.classes == {"cat": 3, "dog": 3}, "a table stays a table, and folders join it"
    (scans / "labels.csv").write_text("path,label\nnew/1.png,dog\n")
    with pytest.raises(InputError, match="is there with label 'cat', group 'patient 7', now comes with label 'dog'"):
        add(root, scans / "labels.csv")


def patients(folder: Path, heading: str, number: int = 24) -> Path:
    """A table of images of two classes, four of a patient."""
    make(folder, *(f"{at}.png" for at in range(number)))
    lines = [heading, *(f"{at}.png,{'ab'[at % 2]},p{at // 4}" for at in range(number))]
    (folder / "list.csv").write_text("\n".join(lines))
    return folder / "list.csv"


def test_a_column_that_tells_relatives_outlives_images_that_have_none(root: Path, tmp_path: Path) -> None:
    add(root, patients(tmp_path / "scans", "path,label,patient"))
    expected = {row["path"]: row["patient"] for row in rows(root)}
    assert expected["23.png"] == "p5"
    for more in ("x", "y"):  # most images have no patient by now, so that the column alone would tell nothing
        add(root, make(tmp_path / more, *(f"a/{more}{number}.png" for number in range(60))))
        told = {row["path"]: row["patient"] for row in rows(root)}
        assert len(told) == len(expected) + 60
        assert {path: told[path] for path in expected} == expected
        expected = told
    assert list(rows(root)[0]) == ["path", "label", "patient"]


def test_columns_of_two_tables_that_are_spelled_alike_are_one(root: Path, tmp_path: Path) -> None:
    add(root, patients(tmp_path / "old", "path,label,patient"))
    scans = make(tmp_path / "new", *(f"n{number}.png" for number in range(8)))
    lines = ["path,label,Patient", *(f"n{number}.png,a,q{number // 2}" for number in range(8))]
    (scans / "list.csv").write_text("\n".join(lines))
    add(root, scans / "list.csv")
    [column] = set(rows(root)[0]) - {"path", "label"}
    assert {row["path"]: row[column] for row in rows(root)}["n7.png"] == "q3"
    assert {row["path"]: row[column] for row in rows(root)}["7.png"] == "p1"


def test_the_column_that_the_user_names_is_kept_whatever_it_is_called_or_refused_before_anything_is_copied(
    project_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = patients(tmp_path / "scans", "path,label,kuh")
    with pytest.raises(InputError, match=r"no column 'kug' .did you mean 'kuh'\?.; it has .*kuh") as refused:
        add(project_root, table, settings=["ingest.group_column=kug"])
    assert "data/raw" not in str(refused.value)
    assert not (project_root / "data/raw").exists()
    add(project_root, table, settings=["ingest.group_column=Kuh"])
    assert "6, given for 24 images" in capsys.readouterr().out
    assert rows(project_root)[23] == {"path": "9.png", "label": "b", "kuh": "p2"}


def test_loose_images_are_unlabelled(root: Path, photos: Path) -> None:
    make(photos, "loose.png")
    report = add(root, photos)
    assert (report.images, sum(report.classes.values())) == (5, 4)
    assert not (root / "data/raw/table.csv").exists()


def test_hidden_and_other_files_stay_where_they_are(
    root: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(photos, ".hidden/1.png", "cat/.1.png", "__MACOSX/cat/1.png", "cat/notes.txt", "dog/README")
    assert add(root, photos).images == 4
    assert len(contents(root / "data/raw")) == 4
    assert "2 other files left out (1 .txt, 1 no ending)" in capsys.readouterr().out


def photo(path: Path, image_format: str, **options: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.effect_noise((20, 16), 50).convert("RGB").save(path, image_format, **options)


def test_images_are_told_by_their_content_and_others_are_named_with_what_to_do(
    root: Path, photos: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.heic.version", lambda: "")
    photo(photos / "cat/bare", "JPEG")
    photo(photos / "cat/dsc.mpo", "MPO", save_all=True, append_images=[Image.new("RGB", (20, 16))])
    photo(photos / "dog/wrong.txt", "PNG")
    (photos / "dog/slice").write_bytes(bytes(128) + b"DICM" + bytes(50))
    (photos / "dog/slice.jpg").write_bytes(bytes(128) + b"DICM" + bytes(50))
    (photos / "dog/video.mov").write_bytes(b"\0\0\0\x14ftypqt  " + bytes(50))
    (photos / "dog/phone.heic").write_bytes(b"\0\0\0\x14ftypheic" + bytes(50))
    assert add(root, photos).classes == {"cat": 4, "dog": 3}
    printed = capsys.readouterr().out
    assert "2 DICOM left out: export it as PNG first" in printed
    assert "1 video left out: cut it into images first" in printed
    assert "1 HEIC left out: pip install 'equipoise[heif]'" in printed


def test_what_was_left_out_is_remembered_with_its_reason_until_it_comes_in(root: Path, photos: Path) -> None:
    file = root / "data/left_out.csv"
    add(root, photos)
    assert not file.exists(), "nothing was left out"
    (photos / "dog/slice").write_bytes(bytes(128) + b"DICM" + bytes(50))
    make(photos, "cat/notes.txt")
    add(root, photos)
    dicom = 'dog/slice,dog,DICOM,"export it as PNG first, with dcmj2pnm or pydicom"\n'
    assert file.read_text() == "path,label,reason,detail\ncat/notes.txt,,other file,.txt\n" + dicom
    (photos / "cat/notes.txt").unlink()
    photo(photos / "dog/slice", "PNG")
    make(photos, "dog/README")
    add(root, photos)
    assert file.read_text() == (
        "path,label,reason,detail\ncat/notes.txt,,other file,.txt\ndog/README,,other file,no ending\n"
    )
    commit(root)
    (photos / "dog/README").unlink()
    add(root, photos, replace=True)
    assert file.read_text() == "path,label,reason,detail\n"


def test_what_is_left_out_is_remembered_also_where_its_name_is_no_utf_8(root: Path, photos: Path) -> None:
    for name in (b"caf\xe9.t\xe9t", b"caf\xe9.link"):
        path = Path(os.fsdecode(os.fsencode(photos / "cat") + b"/" + name))
        path.write_bytes(b"\0") if name.endswith(b"t") else path.symlink_to("nowhere")
    assert add(root, photos).images == 4
    left = (root / "data/left_out.csv").read_text()
    assert r"cat/caf\xe9.t\xe9t,,other file,.t\xe9t" in left
    assert r"cat/caf\xe9.link,cat,broken link," in left


def test_links_that_lead_out_are_not_followed(
    root: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outside = make(tmp_path / "outside", "secret.png", "more/1.png")
    (photos / "cat/out.png").symlink_to(outside / "secret.png")
    (photos / "dog/folder").symlink_to(outside / "more")
    (photos / "cat/inside.png").symlink_to(photos / "cat/1.png")
    assert add(root, photos).images == 5
    copied = contents(root / "data/raw")
    assert copied["cat/inside.png"] == "content of cat/1.png"
    assert not (root / "data/raw/cat/inside.png").is_symlink()
    assert not any("secret" in text or "more/1" in text for text in copied.values())
    printed = capsys.readouterr().out
    assert "2 links were not followed" in printed
    assert "cat/out.png" in printed
    assert "dog/folder" in printed


def test_links_count_as_what_they_lead_to_on_request_and_none_leads_round(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    real = make(tmp_path / "elsewhere", "a/1.png", "a/2.png", "b/1.png")
    (real / "a/loop").symlink_to(real / "a", target_is_directory=True)
    photos = make(tmp_path / "photos", "b/0.png")
    (photos / "a").symlink_to(real / "a", target_is_directory=True)
    (photos / "b/linked.png").symlink_to(real / "b/1.png")
    (photos / "b/itself.png").symlink_to(photos / "b/itself.png")
    with pytest.raises(InputError, match="one class, 'b'"):
        add(root, photos)
    assert add(root, photos, follow_links=True).classes == {"a": 2, "b": 2}
    assert contents(root / "data/raw")["b/linked.png"] == "content of b/1.png"
    assert not any(path.is_symlink() for path in (root / "data/raw").rglob("*"))
    printed = capsys.readouterr().out
    assert "2 links lead nowhere, or back to where they are" in printed


def test_a_folder_that_several_links_lead_to_counts_once_and_at_its_own_place(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = make(tmp_path / "photos", "b/1.png", "c/1.png", "c/deep/2.png")
    outside = make(tmp_path / "outside", "x.png", "below/y.png")
    for name in ("one", "two"):  # folders of links to each other's folders: their number of ways doubles with each
        for number in range(12):
            place = outside / f"{number}"
            place.mkdir(exist_ok=True)
            (place / name).symlink_to(outside / f"{number + 1}", target_is_directory=True)
    make(outside / "12", "z.png")
    (photos / "a").symlink_to(photos / "c", target_is_directory=True)  # before its target, by name
    (photos / "b/far").symlink_to(outside, target_is_directory=True)
    (photos / "c/far").symlink_to(outside / "below", target_is_directory=True)
    report = add(root, photos, follow_links=True)
    expected = {"b/1.png", "c/1.png", "c/deep/2.png", "b/far/x.png", "b/far/below/y.png", "b/far/12/z.png"}
    assert set(contents(root / "data/raw")) == expected
    assert report.classes == {"b": 4, "c": 2}
    assert "links lead to folders that were seen already; each counts once" in capsys.readouterr().out
    (row,) = [line for line in (root / "data/left_out.csv").read_text().splitlines() if line.startswith("a,")]
    assert row == "a,,folder seen already,leads to a folder that was looked through at another place"


def test_a_table_may_name_the_images_of_a_folder_by_each_link_to_it(root: Path, tmp_path: Path) -> None:
    photos = make(tmp_path / "photos", "one/1.png", "one/2.png")
    (photos / "two").symlink_to(photos / "one", target_is_directory=True)
    (photos / "table.csv").write_text("path,label\none/1.png,cat\ntwo/2.png,dog\n")
    assert add(root, photos, follow_links=True).classes == {"cat": 1, "dog": 1}
    assert contents(root / "data/raw")["two/2.png"] == "content of one/2.png"


def test_the_page_names_classes_with_too_few_groups_for_the_split_and_the_folds_that_can_be_had(
    project_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ["path,label,group,note"]
    for name, groups in (("good", 9), ("bad", 4), ("torn", 2)):
        for number in range(24):
            make(tmp_path / "scans", f"{name}{number}.png")
            lines.append(f"{name}{number}.png,{name},{name}-{number % groups},x")
    (tmp_path / "scans/table.csv").write_text("\n".join(lines))

    def page(*settings: str) -> str:
        add(project_root, tmp_path / "scans", dry_run=True, settings=settings)
        return capsys.readouterr().out

    assert "split    a run will refuse this as it is: a class needs at least 6 groups" in page()
    assert "but 'bad' has 4, 'torn' has 2" in page()
    without = page("ingest.drop=[torn]")
    assert "but 'bad' has 4; use fewer folds (--set split.folds=3)" in without
    assert "will refuse" not in page("ingest.drop=[torn]", "split.folds=3")
    assert "will refuse" not in page("ingest.rename={torn: bad}", "split.folds=5")
    assert "split.by: group needs each class in at least 3 given groups" in page("split.by=group")
    assert "'torn' is in 2" in page("split.by=group")
    assert "will refuse" not in page("split.by=group", "ingest.drop=[torn]")


@pytest.mark.parametrize("folder", ["", "all"])
def test_a_table_that_lies_beside_images_without_classes_is_offered(root: Path, tmp_path: Path, folder: str) -> None:
    make(tmp_path / "my scans" / folder, "1.png", "2.png")
    make(tmp_path / "my scans", "labels.csv", "notes.txt")
    with pytest.raises(InputError) as refused:
        add(root, tmp_path / "my scans", dry_run=True)
    assert str(refused.value).endswith(f"in place of the folder:\n  equipoise add '{tmp_path}/my scans/labels.csv'")


def test_the_page_says_what_a_split_will_refuse_of_given_parts(
    project_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("train/cat", "train/dog", "test/cat"):
        make(tmp_path / "scans" / folder, *(f"{number}.png" for number in range(24)))
    make(tmp_path / "scans", "overview.png")
    add(project_root, tmp_path / "scans", dry_run=True)
    said = capsys.readouterr().out
    assert "a run will refuse this as it is: the test part that you gave has no image of 'dog'" in said
    assert "2: cat 48, dog 24; 1 unlabelled, in no class: overview.png" in said
    make(tmp_path / "scans/test/dog", *(f"{number}.png" for number in range(24)))
    add(project_root, tmp_path / "scans", dry_run=True)
    assert "will refuse" not in capsys.readouterr().out


def test_a_dry_run_says_on_a_page_what_was_found_and_copies_nothing(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from PIL import Image

    folder = tmp_path / "scans"
    written = ["file,label,patient,notes"]
    for number in range(24):
        path = folder / f"{number % 5}/{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (30 + number, 20)).save(path)
        written.append(f"{number % 5}/{number},{'bad' if number % 3 else 'good'},p{number // 4},x")
    (folder / "list.csv").write_text("\n".join(written))
    before = contents_of(root)
    how = Columns({"path": "file"})
    assert add(root, folder / "list.csv", columns=how, dry_run=True) is None
    assert contents_of(root) == before
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 24, "at most a screen"
    said = "\n".join(lines)
    for part in (
        "24 found, ",
        "24 png; 30 x 20 to 53 x 20 pixels",
        "24 paths were found without the ending",
        "columns not used: notes",
        "columns kept, since they may tell relatives: patient",
        "2: bad 16, good 8",
        "fewer than 20 images, so that a run will refuse them: bad (16), good (8)",
        "the same patient, 6 with 24 images",
        "--set 'ingest.group_column=patient'",
        "needs",
        "nothing was copied",
    ):
        assert part in said
    add(root, folder / "list.csv", columns=how)
    kept = {"path": "0/0.png", "label": "good", "patient": "p0"}
    assert rows(root)[0] == kept, "the stage group repeats the hint"


def contents_of(root: Path) -> set[Path]:
    return {path for path in root.rglob("*") if not {".dvc", ".git", ".equipoise"} & {*path.parts}}


def test_what_is_said_of_folders_and_labels_is_written_once_the_images_can_be_taken(
    root: Path, repository: Path, tmp_path: Path
) -> None:
    shutil.copy(repository / "params.yaml", root)
    before = (root / "params.yaml").read_text()
    trees = make(tmp_path / "trees", *(f"{tree}/{part}/1.png" for tree in ("oak", "elm") for part in ("leaf", "bark")))
    with pytest.raises(InputError, match="two readings fit"):
        add(root, trees)
    for wrong in ("ingest.class_level=x", "ingest.parts={oak: class}"):
        with pytest.raises(InputError):
            add(root, trees, settings=[wrong])
    assert (root / "params.yaml").read_text() == before
    assert add(root, trees, settings=["ingest.class_level=2"]).classes == {"bark": 2, "leaf": 2}
    assert "class_level: 2 " in (root / "params.yaml").read_text()
    with pytest.raises(InputError, match=r"'leaf bark': several labels in one .*'ingest.meant="):
        add(root, make(tmp_path / "more", "ash/leaf bark/1.png"))
    meant = ['ingest.meant=["leaf bark"]']
    assert add(root, tmp_path / "more", settings=meant).classes == {"bark": 2, "leaf": 2, "leaf bark": 1}


Break = Callable[[Path], Path]


def table(text: str) -> Break:
    def write(folder: Path) -> Path:
        (folder / "labels.csv").write_text(text)
        return folder / "labels.csv"

    return write


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda folder: folder / "nowhere", "there is no such folder or table"),
        (lambda folder: make(folder / "notes", "cat/a.txt") and folder / "notes", "no images found\n  1 other file "),
        (
            lambda folder: make(folder, "a.zip") / "a.zip",
            r"give a folder .*, or a table \(.csv, .tsv, .parquet, .xlsx\)",
        ),
        (lambda folder: folder / "cat", "none of the 2 images has a class"),
        (lambda folder: make(folder / "one", "x/1.png", "x/2.png"), "all images have one class, 'x'"),
        (
            lambda folder: make(folder, "Cat/1.png"),
            "labels 'Cat', 'cat': names of classes that differ by case or spelling only",
        ),
        (lambda folder: make(folder, "cat/a\nb.png"), r"1 file names hold .*\n  'cat/a\\nb\.png'"),
        (table("path,lable\ncat/1.png,a\n"), "no column label; did you mean 'lable'"),
        (table("cat/1.png,a\n"), "no column path and no column label"),
        (table(""), "no column path .* it has no columns"),
        (table("path,label\n"), "has no rows"),
        (table("path,label\ncat/1.png,a,b\n"), "row 2: more values than columns .put values with commas in"),
        (table("path,label\n" + "gone.png,a\n" * 12), r"12 files that are not there: 'gone.png' .row 2.,.* and 9 more"),
        (table("path,label\n../photos.png,a\n"), "row 2: paths that lead out of"),
        (table("path,label,part\ncat/1.png,a,holdout\n"), "row 2: a part other than train, val, test"),
        (table("path,label\ncat/1.png,a\n./cat/1.png,b\n"), "rows 2, 3: an image that other rows give another label"),
        (table('path,label\n"cat/1.png,a\n'), "is not a CSV table"),
        (table("path,label,Label \ncat/1.png,a,b\n"), "has the column label twice"),
        (table("path,label,group,group\ncat/1.png,a,1,2\n"), "has the column group twice"),
    ],
)
def test_mistakes_are_told_before_anything_is_copied(
    root: Path, photos: Path, tmp_path: Path, broken: Break, message: str
) -> None:
    make(tmp_path, "photos.png")
    with pytest.raises(InputError, match=message):
        add(root, broken(photos))
    assert not (root / "data/raw").exists()
    assert not (root / "data/raw.dvc").exists()


def test_the_page_counts_classes_as_they_are_merged_and_left_out(
    root: Path, repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(repository / "params.yaml", root)
    images = make(tmp_path / "images", *(f"{label}/{n}.png" for label in ("1", "1.0", "2", "x") for n in range(3)))
    settings = ['ingest.rename={"1.0": "1"}', "ingest.drop=[x]", "ingest.min_images=4"]
    add(root, images, dry_run=True, settings=settings)
    said = capsys.readouterr().out
    assert "2: 1 6, 2 3\n" in said
    assert "fewer than 4 images, so that a run will refuse them: 2 (3)." in said


def test_measurements_are_no_classes(root: Path, tmp_path: Path) -> None:
    folder = make(tmp_path / "scans", *(f"{number}.png" for number in range(51)))
    text = "path,label\n" + "".join(f"{number}.png,{number / 7}\n" for number in range(51))
    with pytest.raises(InputError, match="51 different numbers"):
        add(root, table(text)(folder))


def test_several_labels_an_image_are_refused(root: Path, photos: Path) -> None:
    pq.write_table(pa.table({"path": ["cat/1.png"], "label": [["a", "b"]]}), photos / "t.parquet")
    with pytest.raises(InputError, match=r"row 1: several labels in one .*reads as a list.*multi-label"):
        add(root, photos / "t.parquet")


def test_a_place_that_holds_the_dataset_is_refused(root: Path, photos: Path) -> None:
    add(root, photos)
    with pytest.raises(InputError, match="lies in data/raw itself"):
        add(root, root / "data/raw/cat")
    with pytest.raises(InputError, match="holds data/raw itself"):
        add(root, root)


def test_a_folder_without_dvc_is_refused(tmp_path: Path, photos: Path) -> None:
    for start in (lambda: add(tmp_path / "empty", photos), lambda: sample(tmp_path / "empty")):
        with pytest.raises(InputError, match="git init && dvc init"):
            start()


def test_a_run_on_the_workspace_keeps_the_dataset_as_it_is(root: Path, photos: Path) -> None:
    with workspace_lock(root), pytest.raises(InputError, match="another run works on"):
        add(root, photos)


def test_an_unreadable_folder_is_named(root: Path, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def refuse(path: str | Path) -> object:
        if Path(path).name == "dog":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(InputError, match=r"photos/dog: can't read this folder \(Permission denied\)"):
        add(root, photos)


def test_too_small_a_disk_is_told_before_copying(root: Path, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = 2 * sum(len(text) for text in contents(photos).values())
    free = SimpleNamespace(free=needed - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    with pytest.raises(InputError, match=f"{needed} bytes are needed .*, {needed - 1} bytes are free"):
        add(root, photos)
    assert not (root / "data/raw").exists()
    free.free = needed
    assert add(root, photos).copied == 4


def test_a_full_disk_leaves_the_dataset_as_it_was(
    root: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(root, photos)
    before = contents(root / "data/raw")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(place.shutil, "copyfile", full)
    with pytest.raises(InputError, match="the disk is full; data/raw is as it was"):
        add(root, make(tmp_path / "more", "cat/3.png"))
    assert contents(root / "data/raw") == before
    assert not any((root / ".equipoise/scratch").iterdir())


@pytest.mark.parametrize("dry_run", [True, False])
def test_images_that_may_not_be_read_are_named_all_at_once_before_anything_is_copied(
    root: Path, photos: Path, monkeypatch: pytest.MonkeyPatch, dry_run: bool
) -> None:
    closed = {photos / "cat/1.png", photos / "dog/2.jpeg"}
    allowed = os.access  # whoever is root may read all
    monkeypatch.setattr(os, "access", lambda path, mode: path not in closed and allowed(path, mode))
    with pytest.raises(InputError, match="2 images may not be read by you") as raised:
        add(root, photos, dry_run=dry_run)
    assert all(str(path) in str(raised.value) for path in closed)
    assert not (root / "data/raw").exists()


@pytest.mark.parametrize("way", list(Way))
def test_nothing_that_stands_at_an_images_place_is_written_over(tmp_path: Path, way: Way) -> None:
    make(tmp_path, "one.png", "two.png")
    with pytest.raises(FileExistsError):
        bring(tmp_path / "one.png", tmp_path / "two.png", way)
    assert (tmp_path / "two.png").read_text() == "content of two.png"


@pytest.mark.parametrize("names", [("x.png", "X.png"), ("caf\u00e9.png", "cafe\u0301.png")])
def test_two_names_that_are_one_to_the_disk_are_both_told_and_data_raw_stays(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, str]
) -> None:
    add(root, make(tmp_path / "first", "cat/1.png", "dog/1.png"))
    before = contents(root / "data/raw")

    def like_a_disk_that_ignores_case_and_form(target: Path) -> None:
        spelled = unicodedata.normalize("NFC", target.name).casefold()
        if spelled in {unicodedata.normalize("NFC", one.name).casefold() for one in target.parent.iterdir()}:
            raise FileExistsError(17, "File exists", str(target))

    monkeypatch.setattr(bringing, "require_free", like_a_disk_that_ignores_case_and_form)
    with pytest.raises(InputError) as raised:
        add(root, make(tmp_path / "photos", *(f"cat/{name}" for name in names)))
    for word in (*(f"cat/{name}" for name in names), "Rename one of them", "data/raw is as it was"):
        assert word in str(raised.value)
    assert contents(root / "data/raw") == before


@pytest.fixture
def small_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for the package with the sample photos: five images, labelled as the package does."""
    folder = make(tmp_path / "elpv_dataset/data", *(f"images/cell000{number}.png" for number in range(1, 6)))
    probabilities = ["0.0", "0.3333333333333333", "0.6666666666666666", "1.0", "0.0"]
    lines = (f"images/cell000{n}.png  {p:20} mono\n" for n, p in enumerate(probabilities, start=1))
    (folder / "labels.csv").write_text("".join(lines))
    monkeypatch.setattr(samples, "files", lambda _: tmp_path / "elpv_dataset")
    return folder


def test_the_sample_is_sorted_into_classes_by_probability(
    root: Path, small_sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = sample(root)
    assert report.classes == {"defective": 1, "functional": 2, "likely_defective": 1, "likely_functional": 1}
    assert contents(root / "data/raw") == {
        "functional/cell0001.png": "content of images/cell0001.png",
        "likely_functional/cell0002.png": "content of images/cell0002.png",
        "likely_defective/cell0003.png": "content of images/cell0003.png",
        "defective/cell0004.png": "content of images/cell0004.png",
        "functional/cell0005.png": "content of images/cell0005.png",
        "table.csv": "path,label,group\n"
        "defective/cell0004.png,defective,mono-1-1\n"
        "functional/cell0001.png,functional,mono-1-1\n"
        "functional/cell0005.png,functional,mono-1-1\n"
        "likely_defective/cell0003.png,likely_defective,mono-1-1\n"
        "likely_functional/cell0002.png,likely_functional,mono-1-1\n",
    }
    printed = capsys.readouterr().out
    assert "CC BY-NC-SA 4.0" in printed
    assert "Deitsch" in printed
    assert "10.1016/j.solener.2019.02.067" in printed


def test_cells_that_may_be_of_one_solar_module_are_relatives() -> None:
    groups = samples.modules(["mono"] * 61 + ["poly"] * 2 + ["mono"])
    assert groups == ["mono-1-1"] * 60 + ["mono-1-2"] + ["poly-2-1"] * 2 + ["mono-3-1"]


def test_the_sample_a_second_time_changes_nothing_and_mends_what_is_missing(root: Path, small_sample: Path) -> None:
    first = sample(root)
    again = sample(root)
    assert (again.copied, again.version) == (0, first.version)
    (root / "data/raw/defective/cell0004.png").unlink()
    mended = sample(root)
    assert (mended.copied, mended.version) == (1, first.version)


def test_the_sample_mixes_with_nothing_else(root: Path, photos: Path, small_sample: Path) -> None:
    sample(root)
    with pytest.raises(InputError, match="holds the sample photos: use --replace"):
        add(root, photos)
    assert add(root, photos, replace=True).classes == {"cat": 2, "dog": 2}, "the sample needs no commit: it comes again"
    with pytest.raises(InputError, match="holds other images"):
        sample(root)


def test_images_join_the_sample_only_on_request_also_when_their_classes_are_the_samples(
    root: Path, tmp_path: Path, small_sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sample(root)
    more = make(tmp_path / "more", "defective/a.png", "functional/b.png")
    before = contents(root / "data/raw")
    with pytest.raises(InputError, match="or --keep for one dataset of both"):
        add(root, more)
    capsys.readouterr()
    assert add(root, more, dry_run=True) is None
    said = capsys.readouterr().out
    assert "2: defective 1, functional 1" in said
    assert "which this page leaves out: use --replace" in said
    assert contents(root / "data/raw") == before
    assert add(root, more, keep=True).images == 7
    assert add(root, make(tmp_path / "third", "defective/c.png")).images == 8, "these are no sample photos any more"


def inodes(folder: Path) -> dict[str, int]:
    return {path.relative_to(folder).as_posix(): path.stat().st_ino for path in files_in(folder)}


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def cached(root: Path) -> set[int]:
    return {path.stat().st_ino for path in (root / ".dvc/cache/files").rglob("*") if path.is_file()}


def test_linked_images_need_no_disk_and_are_protected(
    root: Path, tmp_path: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copied = add(root, photos)
    shutil.rmtree(root / "data")
    shutil.rmtree(root / ".dvc/cache")
    linked = add(root, photos, way=Way.LINK)
    assert "needs no disk" in capsys.readouterr().out
    assert linked.version == copied.version
    assert inodes(root / "data/raw") == inodes(photos)
    assert set(inodes(photos).values()) <= cached(root)
    assert not any(path.stat().st_mode & 0o222 for path in files_in(photos))
    commit(root)
    more = make(tmp_path / "more", "cat/z.png")
    kept = contents(root / "data/raw") | {"cat/z.png": "content of cat/z.png"}
    assert add(root, more).images == linked.images + 1
    assert contents(root / "data/raw") == kept
    assert not set(inodes(more).values()) & cached(root)


def test_links_that_are_followed_become_links_to_what_they_lead_to(root: Path, tmp_path: Path, photos: Path) -> None:
    chosen = tmp_path / "chosen"
    for file in files_in(photos):
        link = chosen / file.relative_to(photos)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(file)
    add(root, chosen, way=Way.LINK, follow_links=True)
    assert inodes(root / "data/raw") == inodes(photos)
    assert not any(path.is_symlink() for path in (root / "data/raw").rglob("*"))


def test_what_the_disks_cannot_do_is_refused_and_nothing_is_there(root: Path, tmp_path: Path) -> None:
    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system")
    with tempfile.TemporaryDirectory(dir=other) as folder:
        far = make(Path(folder), "cat/a.png", "dog/b.png")
        for way in (Way.LINK, Way.REFLINK):
            with pytest.raises(InputError, match=rf"--{way}: .* on different disks.*Leave the option out"):
                add(root, far, way=way)
            assert not (root / "data/raw").exists()
        assert add(root, far).images == 2


def test_of_several_ways_one_can_be_asked_for(root: Path, photos: Path, repository: Path) -> None:
    for pair in (["--copy", "--link"], ["--replace", "--keep"]):
        done = subprocess.run(
            [sys.executable, "-m", "flows.cli", "add", str(photos), *pair],
            cwd=repository,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 2
        assert "one can be used" in done.stderr


def test_the_missing_sample_package_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "elpv_dataset", None)
    with pytest.raises(InputError, match=r"pip install 'equipoise\[sample\]'"):
        sample(root)


def test_a_table_that_names_images_in_folders_is_never_passed_over_in_silence(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder, classes in (("words", ("cat", "dog")), ("codes", ("A01", "A02", "A03"))):
        rows = ["file,species"]
        for name in classes:
            make(tmp_path / folder / name, *(f"{name}{number}.png" for number in range(8)))
            rows += [f"{name}/{name}{number}.png,{'fox' if number % 2 else 'deer'}" for number in range(8)]
        (tmp_path / folder / "labels.csv").write_text("\n".join(rows))
    line = f"equipoise add '{tmp_path}/{{}}/labels.csv' --columns 'path=file,label=species'"
    add(root, tmp_path / "words", dry_run=True)
    assert f"not read; to take it in place of the folders: {line.format('words')}\n" in capsys.readouterr().out
    with pytest.raises(InputError) as refused:
        add(root, tmp_path / "codes", dry_run=True)
    assert str(refused.value).splitlines()[-3] == f"  {line.format('codes')}"
    assert str(refused.value).splitlines()[-1] == "  --set ingest.class_level=1"


def test_a_table_that_names_images_beside_folders_that_say_nothing_comes_with_the_line_that_reads_it(
    root: Path, tmp_path: Path
) -> None:
    make(tmp_path / "scans/images_1", "1.png", "2.png")
    make(tmp_path / "scans/images_2", "3.png", "4.png")
    (tmp_path / "scans/notes.csv").write_text("image_id,dx\n1,mel\n2,nv\n3,mel\n4,nv\n")
    with pytest.raises(InputError) as refused:
        add(root, tmp_path / "scans", dry_run=True)
    line = f"  equipoise add '{tmp_path}/scans/notes.csv' --columns 'path=image_id,label=dx'"
    assert str(refused.value).splitlines()[-1] == line


def test_only_lines_that_leave_two_classes_are_offered_for_small_ones(
    project_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, number in (("cat", 8), ("dog", 9), ("emu", 24)):
        make(tmp_path / "scans" / name, *(f"{one}.png" for one in range(number)))
    add(project_root, tmp_path / "scans", dry_run=True)
    said = capsys.readouterr().out
    assert "--set ingest.min_images=8" in said
    assert "--set 'ingest.drop=" not in said
    make(tmp_path / "scans/fox", *(f"{one}.png" for one in range(24)))
    add(project_root, tmp_path / "scans", dry_run=True)
    assert '--set \'ingest.drop=["cat", "dog"]\'' in capsys.readouterr().out


def test_many_classes_long_names_and_empty_folders_still_make_a_short_page(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("w" * 100 + "1", "w" * 100 + "2", *(f"species {at}x" for at in range(60))):
        make(tmp_path / "scans" / name, "1.png")
    (tmp_path / "scans/later/on").mkdir(parents=True)
    add(root, tmp_path / "scans", dry_run=True)
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) < 1000
    assert "1 folder holds nothing: later/on" in said


@pytest.mark.parametrize("folder", ["", "images"])
def test_classes_that_stand_in_the_names_of_images_are_mentioned(root: Path, tmp_path: Path, folder: str) -> None:
    make(tmp_path / "scans" / folder, *(f"{name}{at}.png" for name in ("cat.", "big_dog_") for at in range(5)))
    with pytest.raises(
        InputError, match="Their names begin with big_dog 5, cat 5: if these are the classes, make such"
    ):
        add(root, tmp_path / "scans", dry_run=True)
    make(tmp_path / "plain" / folder, *(f"IMG_{at}.png" for at in range(9)))
    with pytest.raises(InputError) as refused:
        add(root, tmp_path / "plain", dry_run=True)
    assert "begin with" not in str(refused.value)


def test_images_that_are_called_like_masks_of_others_are_mentioned(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("good", "bad"):
        make(tmp_path / "scans" / name, "a (1).png", "a (1)_mask.png", "a (1)_mask_1.png", "gas_mask.png", "b_seg.png")
    add(root, tmp_path / "scans", dry_run=True)
    assert "4 images are called like masks of others, such as bad/a (1)_mask.png" in capsys.readouterr().out
