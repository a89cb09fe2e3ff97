"""Archives are read like the folders that they hold, and what is dangerous in them is refused by its name."""

from __future__ import annotations

import gzip
import io
import random
import shutil
import struct
import subprocess
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.dataset import add, archives
from flows.dataset.archives import SCRATCH, unpacked
from tasks.errors import InputError

FILES = {f"{label}/{number}.png": f"{label} {number}".encode() * 40 for label in ("cat", "dog") for number in range(3)}


def zipped(path: Path, files: dict[str, bytes], **options: int) -> Path:
    with zipfile.ZipFile(path, "w", **options) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def tarred(path: Path, files: dict[str, bytes], mode: str = "w", *others: tarfile.TarInfo) -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for info in others:
            archive.addfile(info)
    return path


def below(name: str) -> dict[str, bytes]:
    return {f"{name}/{path}": data for path, data in FILES.items()}


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "workspace"
    root.mkdir()
    return root


def refusal(root: Path, path: Path) -> str:
    with pytest.raises(InputError) as caught, unpacked(root, path):
        raise AssertionError("it was unpacked")
    assert str(path) in str(caught.value)
    assert str(SCRATCH) not in str(caught.value)
    assert not (root / SCRATCH).exists()
    return str(caught.value)


MAKERS: dict[str, Callable[[Path, dict[str, bytes]], Path]] = {
    "zip": lambda folder, files: zipped(folder / "a.zip", files),
    "deflated": lambda folder, files: zipped(folder / "a.zip", files, compression=zipfile.ZIP_DEFLATED),
    "tar": lambda folder, files: tarred(folder / "a.tar", files),
    "tar.gz": lambda folder, files: tarred(folder / "a.tgz", files, "w:gz"),
    "tar.bz2": lambda folder, files: tarred(folder / "a.tbz", files, "w:bz2"),
    "tar.xz": lambda folder, files: tarred(folder / "a.txz", files, "w:xz"),
}


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("folder", ["", "photos", "./photos"])
def test_the_folder_in_an_archive_is_there_for_as_long_as_it_is_looked_at(root: Path, kind: str, folder: str) -> None:
    with unpacked(root, MAKERS[kind](root.parent, below(folder) if folder else FILES)) as found:
        assert contents(found) == FILES
        assert found.is_relative_to(root / SCRATCH)
    assert not (root / SCRATCH).exists()


def test_what_is_no_archive_is_left_as_it_is_and_what_a_killed_run_left_is_removed(root: Path, tmp_path: Path) -> None:
    (root / SCRATCH).mkdir(parents=True)
    (root / SCRATCH / "left").write_text("from a killed run")
    (tmp_path / "table.csv").write_text("path,label\n")
    for path in (tmp_path, tmp_path / "table.csv"):
        with unpacked(root, path) as found:
            assert found == path
            assert not (root / SCRATCH).exists()


def test_names_that_an_archive_of_windows_holds_are_read(root: Path) -> None:
    files = {path.replace("/", "\\"): data for path, data in below("photos").items()}
    with unpacked(root, zipped(root.parent / "a.zip", files)) as found:
        assert contents(found) == FILES


@pytest.mark.parametrize("name", ["../out.png", "cat/../../out.png", "/etc/out.png", "C:/out.png"])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_names_that_climb_out_are_refused(root: Path, kind: str, name: str) -> None:
    assert f"{name!r} leads out of the archive" in refusal(root, MAKERS[kind](root.parent, {**FILES, name: b"x"}))
    assert not (root.parent / "out.png").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_refused(root: Path, kind: bytes) -> None:
    path = tarred(root.parent / "a.tar", FILES, "w", special("cat/odd", kind, "cat/0.png"))
    assert "'cat/odd' is a link or a device" in refusal(root, path)


def test_links_in_a_zip_are_refused(root: Path) -> None:
    path = zipped(root.parent / "a.zip", FILES)
    with zipfile.ZipFile(path, "a") as archive:
        info = zipfile.ZipInfo("cat/odd")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    assert "'cat/odd' is a link or a device" in refusal(root, path)


def test_encrypted_members_are_refused(root: Path) -> None:
    path = zipped(root.parent / "a.zip", FILES)
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\1\2")  # the first member's flags in the directory
    data[at + 8] |= 1
    path.write_bytes(data)
    assert "'cat/0.png' is encrypted" in refusal(root, path)


@pytest.mark.parametrize("kind", ["deflated", "tar.gz"])
def test_an_archive_that_holds_far_more_than_its_size_is_refused(
    root: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = MAKERS[kind](root.parent, {**FILES, "cat/bomb.bmp": bytes(20_000_000)})
    message = refusal(root, path)
    assert "more than 200 times its own size" in message
    assert "cat/bomb.bmp" in message


def test_very_many_empty_files_are_a_bomb_too(root: Path) -> None:
    path = tarred(root.parent / "a.tgz", {f"cat/{number}": b"" for number in range(6000)}, "w:gz")
    assert "more than 200 times its own size" in refusal(root, path)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK])
def test_an_enormous_description_of_a_member_is_not_read_into_memory(root: Path, kind: bytes) -> None:
    path, size = root / "a.tar.gz", 300_000_000
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(tarfile.TarInfo("x").tobuf())
        header = special("long", kind)
        header.size = size
        file.write(header.tobuf())
        for _ in range(size // 1_000_000):
            file.write(bytes(1_000_000))
    tracemalloc.start()
    try:
        assert "the description of a member has 300.0 MB" in refusal(root, path)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_folders_that_windows_names_in_a_zip_are_folders(root: Path) -> None:
    files = {
        "set\\": b"",
        "set\\cat\\": b"",
        **{f"set\\{path}".replace("/", "\\"): data for path, data in FILES.items()},
    }
    with unpacked(root, zipped(root / "a.zip", files)) as folder:
        assert contents(folder) == FILES


def test_a_member_that_is_longer_than_it_says_is_refused(root: Path) -> None:
    path = zipped(root.parent / "a.zip", {"cat/0.png": b"x" * 5000}, compression=zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        struct.pack_into("<I", data, data.index(mark) + offset, 50)
    path.write_bytes(data)
    assert "cat/0.png" in refusal(root, path)


def test_an_archive_for_which_the_disk_is_too_small_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(root)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=5000))
    with pytest.raises(InputError, match="not enough disk space"), unpacked(root, zipped(root.parent / "a.zip", FILES)):
        pass


@pytest.mark.parametrize("kind", MAKERS)
def test_damaged_archives_are_told(root: Path, kind: str) -> None:
    files = {path: bytes(range(256)) * 30 for path in FILES}
    path = MAKERS[kind](root.parent, files)
    data = path.read_bytes()
    for share in (0.3, 0.6, 0.9):
        length = int(len(data) * share)
        if kind == "tar":
            length = int(data.index(bytes(1024)) * share)  # behind that is nothing but padding
        path.write_bytes(data[:length])
        message = refusal(root, path)
        assert "damaged" in message or "can't unpack" in message


@pytest.mark.parametrize("kind", ["zip", "deflated", "tar.gz", "tar.bz2", "tar.xz"])
def test_a_flipped_bit_in_what_an_archive_holds_is_noticed(root: Path, kind: str) -> None:
    files = {path: random.Random(path).randbytes(5000) for path in FILES}
    path = MAKERS[kind](root.parent, files)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    message = refusal(root, path)
    assert "damaged" in message or "can't unpack" in message


def test_a_damaged_header_in_the_middle_of_a_tar_is_not_taken_for_its_end(root: Path) -> None:
    path = tarred(root.parent / "a.tar", FILES)
    data = bytearray(path.read_bytes())
    data[data.index(b"dog/0.png") + 1] ^= 1
    path.write_bytes(data)
    assert "damaged" in refusal(root, path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_two_members_of_one_name_are_refused(root: Path, kind: str, tmp_path: Path) -> None:
    path = MAKERS[kind](tmp_path, FILES)
    if kind == "zip":
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("cat/0.png", b"another")
    else:
        with tarfile.open(path, "a") as more:
            more.addfile(tarfile.TarInfo("cat/0.png"))
    assert "cat/0.png (it stands twice; rename one)" in refusal(root, path)


def test_names_that_differ_by_case_only_are_both_unpacked_where_the_disk_holds_both(root: Path) -> None:
    files = {**FILES, "cat/A.png": b"upper", "cat/a.png": b"lower"}
    with unpacked(root, zipped(root.parent / "a.zip", files)) as found:
        assert contents(found) == files


def test_on_a_disk_that_holds_only_one_of_them_they_are_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zipped(root.parent / "a.zip", {"cat/A.png": b"upper", "cat/a.png": b"lower"})
    plain = Path.open

    def without_case(self: Path, mode: str = "r", **options: object) -> io.IOBase:
        return plain(self.with_name(self.name.lower()) if "x" in mode else self, mode, **options)  # type: ignore

    monkeypatch.setattr(Path, "open", without_case)
    assert "cat/a.png (it has the same name as cat/A.png on this disk; rename one)" in refusal(root, path)


@pytest.mark.parametrize(
    ("name", "start", "kind"),
    [
        ("a.7z", b"7z\xbc\xaf\x27\x1c", "is a 7z archive"),
        ("a.rar", b"Rar!\x1a\7\1\0", "is a RAR archive"),
        ("a.tar.zst", b"\x28\xb5\x2f\xfd", "is packed with Zstandard"),
    ],
)
def test_other_archives_are_named_with_what_to_do(root: Path, name: str, start: bytes, kind: str) -> None:
    path = root.parent / name
    path.write_bytes(start + bytes(100))
    assert f"{name}: {kind}, and read are ZIP and TAR" in refusal(root, path)
    assert "damaged" not in refusal(root, path)
    assert "unpack it and give the folder" in refusal(root, path)
    assert "\n" not in refusal(root, path)


def test_a_table_of_excel_is_no_archive_though_it_is_a_zip(root: Path) -> None:
    path = zipped(root.parent / "table.xlsx", {"xl/workbook.xml": b"<workbook/>"})
    with unpacked(root, path) as found:
        assert found == path


# As `equipoise add` has it


@pytest.fixture
def workspace(root: Path, repository: Path) -> Path:
    from dvc.repo import Repo

    subprocess.run(["git", "init", "-q", "-b", "main"], cwd=root, check=True)
    Repo.init(str(root)).close()
    shutil.copy(repository / ".gitignore", root)
    return root


def test_an_archive_is_added_like_its_folder_and_what_is_nested_is_left_out(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inner = zipped(workspace.parent / "inner.zip", {"a": b"b"}).read_bytes()
    files = {**below("photos"), "photos/cat/more.zip": inner, "__MACOSX/photos/cat/._0.png": b"x"}
    report = add(workspace, zipped(workspace.parent / "a.zip", files))
    assert (report.images, report.classes) == (6, {"cat": 3, "dog": 3})
    assert contents(workspace / "data/raw") == FILES
    assert not (workspace / SCRATCH).exists()
    assert "1 archive left out" in capsys.readouterr().out


def test_mistakes_in_an_archive_are_told_with_paths_in_the_archive(workspace: Path) -> None:
    table = b"path,label\ncat/0.png,cat\ncat/7.png,cat\n"
    path = zipped(workspace.parent / "a.zip", {**below("photos"), "photos/table.csv": table})
    with pytest.raises(InputError) as caught:
        add(workspace, path)
    assert f"{path}/table.csv names a file that is not there: 'cat/7.png' (row 3)" in str(caught.value)
    assert str(archives.STATE) not in str(caught.value)


def test_a_tar_is_read_as_a_tar_though_its_last_member_is_a_zip(root: Path) -> None:
    inner = zipped(root.parent / "inner.zip", {"other/1.png": b"other"}).read_bytes()
    files = FILES | {"zz.zip": inner}
    with unpacked(root, tarred(root.parent / "a.tar", files)) as found:
        assert contents(found) == files


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_header_as_large_as_a_bomb_is_not_read_into_the_memory(root: Path, kind: bytes) -> None:
    header = special("long", kind)
    header.size = archives.MOST_DESCRIBED + 1
    path = root.parent / "a.tgz"
    with tarfile.open(path, "w:gz") as archive:
        archive.addfile(header, io.BytesIO(bytes(header.size)))
    assert "damaged, or no ZIP or TAR archive" in refusal(root, path)


def test_a_header_with_a_size_below_zero_is_damage(root: Path) -> None:
    header = special("long", tarfile.REGTYPE)
    header.size = -1024
    path = root.parent / "a.tar"
    path.write_bytes(header.tobuf(tarfile.GNU_FORMAT) + bytes(10240))
    assert "damaged, or no ZIP or TAR archive" in refusal(root, path)


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_folders_that_are_too_deep_to_be_removed_again_are_refused(root: Path, kind: str) -> None:
    path = MAKERS[kind](root.parent, {"a/" * archives.DEEPEST + "1.png": b"1"})
    assert "lies more than 100 folders deep" in refusal(root, path)
