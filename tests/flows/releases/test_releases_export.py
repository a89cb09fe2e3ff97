"""Exports: each format is read by the library that it is for; links are safe; it appears whole or not at all."""

from __future__ import annotations

import csv
import errno
import hashlib
import io
import json
import os
import re
import shutil
import tarfile
from contextlib import chdir
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageOps

from flows.releases.exporting import export as exporting
from flows.releases.exporting import webdataset
from flows.releases.exporting.export import FORMATS, export
from flows.releases.exporting.images import Images
from flows.releases.naming import resolve
from flows.releases.releasing import release
from tasks.errors import InputError
from tasks.tables import BALANCED

CLASSES = ["cat", "Dog / Ünï"]  # in the order of their folders, cat and dog_u_ni-...
EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
ROWS = {"train": 13, "test": 2, "audit": 1}


@pytest.fixture
def released(project):
    release(project.root, "v1", "layered")
    return project


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "datasets-cache"))


def balanced(project):
    return BALANCED.read(project.root / "data/balanced/layered/balanced.parquet").set_index("row_id")


def expected(project):
    """For each row of the training part its label, and the bytes of its image, from the workspace by plain lookups."""
    catalog = pd.read_parquet(project.root / "data/catalog/catalog.parquet").set_index("image_id")["path"]
    rows = {}
    for key, row in balanced(project).iterrows():
        made = isinstance(row["file"], str)
        path = project.root / (
            f"data/balanced/layered/{row['file']}" if made else f"data/raw/{catalog[row['parents'][0]]}"
        )
        rows[key] = (row["label"], path.read_bytes())
    return rows


def image_folder(root: Path) -> list[tuple[str, int]]:
    """What torchvision.datasets.ImageFolder makes of a folder: classes and samples, in plain loops after its code."""
    classes = sorted(entry.name for entry in os.scandir(root) if entry.is_dir())
    samples = []
    for index, name in enumerate(classes):
        found = False
        for folder, _, files in sorted(os.walk(root / name, followlinks=True)):
            for file in sorted(files):
                if file.lower().endswith(EXTENSIONS):
                    samples.append((str(Path(folder, file)), index))
                    found = True
        assert found, f"torchvision refuses the class {name}, which has no images"
    return samples


def test_image_folders_are_what_torchvision_reads(released, tmp_path):
    assert export(released.root, "v1", "imagefolder", tmp_path / "out") == ROWS
    samples = image_folder(tmp_path / "out/train")
    got = {Path(path).stem: (CLASSES[index], Path(path).read_bytes()) for path, index in samples}
    assert len(samples) == len(got) == 13
    assert got == expected(released)
    assert all(Image.open(path).load() for path, _ in samples)
    assert len(image_folder(tmp_path / "out/test")) == 2


def test_image_folders_are_what_datasets_reads(released, tmp_path):
    import datasets

    export(released.root, "v1", "imagefolder", tmp_path / "out")
    read = datasets.load_dataset("imagefolder", data_dir=str(tmp_path / "out"))
    assert {name: len(rows) for name, rows in read.items()} == {"train": 13, "test": 2}
    want = expected(released)
    for row in read["train"]:
        label, content = want[row["row_id"]]
        assert row["label"] == label
        assert row["image"].size == ImageOps.exif_transpose(Image.open(io.BytesIO(content))).size
    mixed = next(row for row in read["train"] if row["origin"] == "mixed")
    assert (mixed["second_label"], mixed["second_share"]) == ("cat", 0.25)
    assert len(mixed["parents"].split()) == 2
    assert {(row["second_label"] == row["label"], row["second_share"]) for row in read["test"]} == {(True, 0.0)}
    assert {row["fold"] for row in read["test"]} == {-1}
    audit = datasets.load_dataset("imagefolder", data_dir=str(tmp_path / "out/audit"))
    assert len(audit["train"]) == 1


def test_shards_are_what_webdataset_reads(released, tmp_path, monkeypatch):
    import webdataset as wds

    monkeypatch.setattr(webdataset, "SHARD_IMAGES", 5)
    export(released.root, "v1", "webdataset", tmp_path / "out", part="train")
    shards = sorted(path.name for path in (tmp_path / "out").glob("*.tar"))
    assert shards == ["train-000000.tar", "train-000001.tar", "train-000002.tar"]
    want = expected(released)
    url = str(tmp_path / "out/train-{000000..000002}.tar")
    raw = {sample["__key__"]: sample for sample in wds.WebDataset(url, shardshuffle=False)}
    assert len(raw) == 13
    for key, (label, content) in want.items():
        (image,) = (value for name, value in raw[key].items() if name in ("png", "jpg"))
        assert image == content
        assert CLASSES[int(raw[key]["cls"])] == label
        facts = json.loads(raw[key]["json"])
        assert facts["label"] == label
        assert facts["parents"] == list(balanced(released).loc[key, "parents"])
    decoded = list(wds.WebDataset(url, shardshuffle=False).decode("pil").to_tuple("png;jpg", "cls"))
    assert {label for _, label in decoded} == {0, 1}


def test_shards_are_bounded_deterministic_and_mix_the_classes(released, tmp_path, monkeypatch):
    monkeypatch.setattr(webdataset, "SHARD_BYTES", 1500)
    for name in ("one", "two"):
        export(released.root, "v1", "webdataset", tmp_path / name)
    one = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}
    assert one == {path.name: path.read_bytes() for path in (tmp_path / "two").iterdir()}
    order = []
    for name in sorted(name for name in one if name.startswith("train-")):
        with tarfile.open(tmp_path / "one" / name) as shard:
            members = shard.getmembers()
            images = [member for member in members if not member.name.endswith((".cls", ".json"))]
            order += [member.name.split(".")[0] for member in images]
            assert sum(member.size for member in images) <= 1500 or len(images) == 1
            assert {(member.mtime, member.uid, member.uname) for member in members} == {(0, 0, "")}
    assert order == sorted(order, key=lambda key: hashlib.sha256(key.encode()).hexdigest())


def test_parquet_is_read_by_pyarrow_and_datasets(released, tmp_path):
    import datasets

    export(released.root, "v1", "parquet", tmp_path / "out")
    want = expected(released)
    table = pq.read_table(tmp_path / "out/train.parquet")
    assert len(table) == 13
    for row in table.to_pylist():
        assert (row["label"], row["image"]["bytes"]) == want[row["row_id"]]
        assert row["image"]["path"].startswith(row["row_id"])
        assert row["parents"] == list(balanced(released).loc[row["row_id"], "parents"])
    files = {part: str(tmp_path / f"out/{part}.parquet") for part in ("train", "test", "audit")}
    read = datasets.load_dataset("parquet", data_files=files)
    assert {name: len(rows) for name, rows in read.items()} == ROWS
    assert read["train"].features["class_index"].names == CLASSES
    assert isinstance(read["train"].features["image"], datasets.Image)
    for row in read["train"]:
        assert row["image"].size == (12, 9) or row["image"].size == (9, 12)
        assert CLASSES[row["class_index"]] == row["label"]


def test_csv_names_files_beside_it(released, tmp_path):
    export(released.root, "v1", "csv", tmp_path / "out", part="train")
    shutil.move(tmp_path / "out", tmp_path / "moved")
    with (tmp_path / "moved/train.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    got = {row["row_id"]: (row["label"], (tmp_path / "moved" / row["path"]).read_bytes()) for row in rows}
    assert got == expected(released)
    assert {row["origin"] for row in rows} == {"original", "copy", "augmented", "mixed", "synthetic"}
    assert {row["source"] for row in rows if row["origin"] == "original"} >= {"cat/0.png", "dogs/nested/0.jpg"}


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_tells_where_it_comes_from_and_holds_the_card(released, tmp_path, kind):
    export(released.root, "v1", kind, tmp_path / "out")
    about = json.loads((tmp_path / "out/export.json").read_text())
    assert about["commit"] == released.git("rev-parse", "release/v1^{commit}")
    assert (about["release"], about["recipe"], about["classes"], about["images"]) == ("v1", "layered", CLASSES, ROWS)
    assert (tmp_path / "out/README.md").read_text().startswith("# v1")


def test_an_old_release_is_exported_from_the_cache_as_it_was(project, two, tmp_path):
    for name, version in (("v1", 0), ("v2", 2)):
        export(project.root, name, "imagefolder", tmp_path / name, part="train")
        contents = {path.read_bytes() for path in (tmp_path / name).rglob("*.*g")}
        wanted = {file for path, file in two[version].items() if path.startswith("data/balanced/layered/images/")}
        assert wanted <= contents
        assert contents - wanted <= {file for path, file in two[version].items() if path.startswith("data/raw/")}
    assert project.contents() == two[2]


def test_a_clone_exports_what_it_fetches(released, tmp_path):
    from flows.releases.pushing import push_all

    released.add_remote(tmp_path / "remote")
    push_all(released.root)
    clone = released.clone(tmp_path / "clone")
    export(clone.root, "v1", "imagefolder", tmp_path / "out", part="train")
    got = {Path(path).stem: Path(path).read_bytes() for path, _ in image_folder(tmp_path / "out/train")}
    assert got == {key: content for key, (_, content) in expected(released).items()}
    assert not (clone.root / "data/raw").exists()


def test_a_missing_remote_is_told_and_nothing_is_written(released, tmp_path):
    clone = released.clone(tmp_path / "clone")
    with pytest.raises(InputError, match="neither in DVC's cache nor can be fetched"):
        export(clone.root, "v1", "imagefolder", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def cache_files(project):
    return {path.stat().st_ino: path for path in (project.root / ".dvc/cache").rglob("*") if path.is_file()}


def test_originals_are_links_to_the_workspace_and_never_to_the_cache(released, tmp_path):
    export(released.root, "v1", "imagefolder", tmp_path / "out")
    files = list((tmp_path / "out").rglob("*.*g"))
    workspace = {path.stat().st_ino for path in (released.root / "data").rglob("*") if path.is_file()}
    assert all(path.stat().st_ino in workspace for path in files)
    assert not {path.stat().st_ino for path in files} & set(cache_files(released))


def test_an_edit_of_an_export_never_reaches_the_cache_even_if_dvc_links(released, tmp_path):
    config = released.root / ".dvc/config"
    config.write_text(config.read_text() + "[cache]\n    type = hardlink\n")
    with released.repo() as repo:
        repo.checkout(relink=True)
    assert (released.root / "data/raw/cat/4.png").stat().st_ino in cache_files(released)
    export(released.root, "v1", "imagefolder", tmp_path / "out")
    for path in (tmp_path / "out").rglob("*.*g"):
        assert path.stat().st_ino not in cache_files(released)
        assert path.stat().st_mode & 0o200
        path.write_bytes(b"edited in place")
    for md5 in released.objects():
        content = (released.root / ".dvc/cache/files/md5" / md5[:2] / md5[2:]).read_bytes()
        assert hashlib.md5(content).hexdigest() == md5.removesuffix(".dir")


def test_a_file_of_the_workspace_that_was_edited_is_not_exported(released, tmp_path):
    want = expected(released)
    (released.root / "data/raw/cat/4.png").write_bytes(b"edited")
    export(released.root, "v1", "imagefolder", tmp_path / "out", part="train")
    got = {Path(path).stem: Path(path).read_bytes() for path, _ in image_folder(tmp_path / "out/train")}
    assert got == {key: content for key, (_, content) in want.items()}


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("act", ["replaced", "edited", "gone"])
def test_a_file_that_a_run_replaces_meanwhile_is_taken_from_the_cache(released, tmp_path, monkeypatch, kind, act):
    want = sorted(content for _, content in expected(released).values())
    real = exporting._check_space

    def meddle(*arguments):
        real(*arguments)
        for path in (*(released.root / "data/balanced").rglob("*.jpg"), *(released.root / "data/raw").rglob("*.png")):
            if act != "edited":
                path.unlink()
            if act != "gone":
                path.write_bytes(b"of another version")

    monkeypatch.setattr(exporting, "_check_space", meddle)
    export(released.root, "v1", kind, tmp_path / "out", part="train")
    if kind == "parquet":
        got = [row["image"]["bytes"] for row in pq.read_table(tmp_path / "out/train.parquet").to_pylist()]
    elif kind == "webdataset":
        with tarfile.open(tmp_path / "out/train-000000.tar") as shard:
            got = [shard.extractfile(name).read() for name in shard.getnames() if not name.endswith((".cls", ".json"))]
    else:
        got = [path.read_bytes() for path in (tmp_path / "out").rglob("*.*g")]
    assert sorted(got) == want


@pytest.mark.parametrize(("table", "column"), [("splits/splits", "repeat"), ("balanced/layered/balanced", "parents")])
def test_tables_of_older_versions_are_exported_or_refused_by_name(released, tmp_path, table, column):
    path = released.root / f"prepared/0/{table}.parquet"
    pq.write_table(pq.read_table(path).drop_columns([column]), path)
    with chdir(released.root), released.repo() as repo:
        repo.reproduce(force=True)
    released.git("commit", "-qam", "older")
    if column == "repeat":
        assert export(released.root, "HEAD", "csv", tmp_path / "out", recipe="layered") == ROWS
    else:
        with pytest.raises(InputError, match=r"balanced.parquet has rows without parents"):
            export(released.root, "HEAD", "csv", tmp_path / "out", recipe="layered")


@pytest.mark.parametrize("md5", ["{prefix}../../../../../../secret.png", "", "A" * 32, "0" * 31, "0" * 32 + ".di"])
def test_a_list_that_names_anything_but_an_md5_is_refused(released, tmp_path, md5):
    (tmp_path / "secret.png").write_bytes(b"secret")
    lock = (released.root / "dvc.lock").read_text()
    (old,) = re.findall(r"path: data/balanced/layered\n\s+hash: md5\n\s+md5: (\S+)", lock)
    cache = released.root / ".dvc/cache/files/md5"
    listed = json.loads((cache / old[:2] / old[2:]).read_text())
    listed[0]["md5"] = md5.format(prefix=old[:2])
    content = json.dumps(listed).encode()
    new = hashlib.md5(content).hexdigest() + ".dir"
    (cache / new[:2]).mkdir(exist_ok=True)
    (cache / new[:2] / new[2:]).write_bytes(content)
    (released.root / "dvc.lock").write_text(lock.replace(old, new))
    released.git("commit", "-qam", "hostile")
    with pytest.raises(InputError, match="is not what DVC writes"):
        export(released.root, "HEAD", "csv", tmp_path / "out", recipe="layered", part="train")
    (released.root / "dvc.lock").write_text(lock.replace(old, "../../secret.dir"))
    released.git("commit", "-qam", "hostile, too")
    with pytest.raises(InputError, match="is not what DVC writes"):
        export(released.root, "HEAD", "csv", tmp_path / "out", recipe="layered", part="train")


def test_exif_stays_in_originals_unless_it_is_to_go(released, tmp_path, capsys):
    export(released.root, "v1", "imagefolder", tmp_path / "kept")
    assert "3 images say where they were taken (GPS); --strip-exif" in capsys.readouterr().out
    export(released.root, "v1", "imagefolder", tmp_path / "bare", strip_exif=True)
    assert "GPS" not in capsys.readouterr().out
    export(released.root, "v1", "webdataset", tmp_path / "tar", strip_exif=True)
    kept = {path.name: path for path in (tmp_path / "kept").rglob("*.*g")}
    bare = {path.name: path for path in (tmp_path / "bare").rglob("*.*g")}
    assert kept.keys() == bare.keys()
    with_gps = [name for name, path in kept.items() if Image.open(path).getexif().get_ifd(0x8825)]
    assert len(with_gps) == 3, "two originals and one exact copy"
    for name, path in bare.items():
        image = Image.open(path)
        assert set(image.getexif()) <= {0x0112}
        assert not image.getexif().get_ifd(0x8825)
        assert b"SecretMaker" not in path.read_bytes()
        assert image.tobytes() == Image.open(kept[name]).tobytes()
        assert image.getexif().get(0x0112) == Image.open(kept[name]).getexif().get(0x0112)
    assert b"SecretMaker" not in b"".join(path.read_bytes() for path in (tmp_path / "tar").glob("*.tar"))
    assert b"SecretMaker" in (released.root / "data/raw/dogs/nested/0.jpg").read_bytes()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"row_id": "../../evil"}, "can't be the name of a file"),
        ({"row_id": "a.b"}, "can't be the name of a file"),
        ({"file": "../../../secret.png", "origin": "augmented"}, "not in its data/balanced/layered"),
        ({"file": "/etc/passwd", "origin": "augmented"}, "not in its data/balanced/layered"),
        ({"parents": ["0123456789abcdef"]}, "not in its data/raw"),
    ],
)
def test_tables_that_name_other_files_are_refused(project, tmp_path, row, message):
    path = project.root / "prepared/0/balanced/layered/balanced.parquet"
    table = BALANCED.read(path)
    for name, value in row.items():
        table.at[0, name] = value
    BALANCED.write(table, path)
    shutil.rmtree(project.root / ".dvc/cache/runs", ignore_errors=True)
    project.set(balance__seed=1)
    shutil.rmtree(project.root / "prepared/1")
    shutil.copytree(project.root / "prepared/0", project.root / "prepared/1")
    project.run()
    release(project.root, "v1", "layered")
    with pytest.raises(InputError, match=message):
        export(project.root, "v1", "imagefolder", tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["project"]


def test_the_folder_must_be_new_or_empty_and_outside_the_data(released, tmp_path):
    (tmp_path / "empty").mkdir()
    export(released.root, "v1", "csv", tmp_path / "empty", part="test")
    with pytest.raises(InputError, match="must be a new folder"):
        export(released.root, "v1", "csv", tmp_path / "empty", part="test")
    with pytest.raises(InputError, match="no such folder"):
        export(released.root, "v1", "csv", tmp_path / "no/where")
    for inside in ("data/raw/out", "data/balanced/layered/out", ".git/out", ".dvc/out"):
        with pytest.raises(InputError, match="which the project itself keeps"):
            export(released.root, "v1", "csv", released.root / inside)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="must be a new folder"):
        export(released.root, "v1", "csv", tmp_path / "link")


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device"), OSError(errno.EIO, "broken")]
)
def test_an_export_that_ends_early_leaves_nothing(released, tmp_path, monkeypatch, kind, error):
    before = sorted(path.name for path in tmp_path.iterdir())
    calls = []

    def fail(*arguments):
        calls.append(arguments)
        if len(calls) > 3:
            raise error
        return real(*arguments)

    method = "put" if FORMATS[kind].links else "read"
    real = getattr(Images, method)
    monkeypatch.setattr(Images, method, fail)
    message = {errno.ENOSPC: "disk .* full", errno.EIO: "could not write"}.get(getattr(error, "errno", None))
    with pytest.raises(KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else InputError, match=message):
        export(released.root, "v1", kind, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_what_a_killed_export_left_is_swept_and_a_living_one_is_left_alone(released, tmp_path):
    dead, living = tmp_path / ".out.export-999999999-abcd_123", tmp_path / f".out.export-{os.getpid()}-abcd_123"
    others = [tmp_path / name for name in (".out.export-backup", ".out.export-999999999", ".out.export-999999999-mine")]
    others += [tmp_path / ".[o]ut.export-999999999-abcd_123", tmp_path / ".oxt.export-999999999-abcd_123"]
    for folder in (dead, living, *others):
        folder.mkdir()
        (folder / "half").write_text("half")
    export(released.root, "v1", "csv", tmp_path / "out")
    assert not dead.exists()
    assert all(folder.exists() for folder in (living, *others))
    export(released.root, "v1", "csv", tmp_path / "o?t")
    assert all(folder.exists() for folder in (living, *others))


def test_a_disk_too_small_is_noticed_before(released, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(InputError, match=r"not enough disk space.*are needed .*, 1.0 kB are free"):
        export(released.root, "v1", "parquet", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_parts_classes_and_recipes_are_told_apart(project, two, tmp_path, capsys):
    assert export(project.root, "v1", "csv", tmp_path / "a", part="audit") == {"audit": 1}
    assert "no images of Dog / Ünï" in capsys.readouterr().out
    assert json.loads((tmp_path / "a/export.json").read_text())["classes"] == CLASSES
    assert export(project.root, "HEAD~2", "csv", tmp_path / "b", recipe="natural", part="train") == {"train": 9}
    with pytest.raises(InputError, match="no release, so name a recipe with --recipe; it has natural, layered, more"):
        export(project.root, "HEAD~2", "csv", tmp_path / "c")
    with pytest.raises(InputError, match="no balanced set of the recipe 'more'; it has natural, layered"):
        export(project.root, "v1", "csv", tmp_path / "c", recipe="more")
    for wrong in ({"kind": "zip"}, {"part": "validation"}, {"text": "v9"}):
        with pytest.raises(InputError, match=r"there is no|neither a release"):
            export(project.root, **({"text": "v1", "kind": "csv", "to": tmp_path / "c"} | wrong))
    assert resolve(project.root, "v1")[1].name == "v1"


def test_the_command_says_how_many_and_ends_quietly_on_ctrl_c(released, tmp_path, equipoise, monkeypatch):
    code, printed = equipoise("export", "v1", "--format", "csv", "--to", str(tmp_path / "out"))
    assert code == 0
    assert "13 in train, 2 in test, 1 in audit" in printed

    def end(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Images, "put", end)
    code, printed = equipoise("export", "v1", "--to", str(tmp_path / "again"))
    assert code == 130
    assert "nothing was left behind" in printed
    assert not (tmp_path / "again").exists()
