"""Files and folders appear whole or not at all, and hold the same bytes for the same value."""

from __future__ import annotations

import errno
import math
from pathlib import Path

import pytest

from tasks.errors import InputError
from tasks.files import link_file, move_folder, read_json, write_json, write_text


def test_json_has_the_same_bytes_for_the_same_value(tmp_path: Path) -> None:
    write_json(tmp_path / "one.json", {"b": [1, 0.1], "a": "größe"})
    write_json(tmp_path / "below" / "two.json", {"a": "größe", "b": [1, 0.1]})
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "below" / "two.json").read_bytes()
    assert read_json(tmp_path / "one.json") == {"a": "größe", "b": [1, 0.1]}
    assert "größe" in (tmp_path / "one.json").read_text(encoding="utf-8")


def test_numbers_that_json_has_not_are_refused_and_the_file_stays(tmp_path: Path) -> None:
    write_json(tmp_path / "metrics.json", {"recall": 0.5})
    with pytest.raises(ValueError):
        write_json(tmp_path / "metrics.json", {"recall": math.nan})
    assert read_json(tmp_path / "metrics.json") == {"recall": 0.5}


def test_text_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "params.yaml"
    write_text(path, "old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(Path, "replace", full)
        with pytest.raises(OSError, match="No space"):
            write_text(path, "new")
    assert path.read_text() == "old"
    write_text(path, "new")
    assert path.read_text() == "new"


def test_a_file_is_linked_to_a_free_place_only(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("one")
    (tmp_path / "two").write_text("two")
    with pytest.raises(FileExistsError):
        link_file(tmp_path / "one", tmp_path / "two")
    assert (tmp_path / "two").read_text() == "two"
    link_file(tmp_path / "one", tmp_path / "three")
    assert (tmp_path / "three").read_text() == "one"


def test_a_folder_moves_to_another_volume_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, final = tmp_path / "scratch", tmp_path / "data" / "toy"
    folder.mkdir()
    (folder / "table").write_text("whole")
    final.parent.mkdir()
    rename = Path.rename

    def between_volumes(path: Path, target: Path) -> Path:
        if path == folder:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        assert (path / "table").read_text() == "whole"
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", between_volumes)
    move_folder(folder, final)
    assert (final / "table").read_text() == "whole"
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
    assert [path.name for path in final.parent.iterdir()] == ["toy"]


@pytest.mark.parametrize("content", [b'{"a": 1', b"", b"\xff\xfe", b"no"])
def test_damaged_json_is_named_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "board.json").write_bytes(content)
    with pytest.raises(InputError, match=r"board\.json: is damaged .*delete it"):
        read_json(tmp_path / "board.json")
