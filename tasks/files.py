"""Files and folders that appear whole or not at all, and the same bytes for the same value."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from tasks.errors import DamagedError


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path`, whole or not at all."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(data)
        beside.replace(path)
    except OSError:  # a full disk, for instance, on which half a file would stay
        beside.unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON with sorted keys: the same bytes for the same value."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")


def json_digest(value: Any) -> str:
    """The SHA-256 of `value` as JSON with sorted keys, 64 hex digits: the same for the same value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def read_json(path: Path) -> Any:
    """Read a JSON file that this project wrote (`DamagedError` where that fails)."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DamagedError(f"{path}: is damaged ({error}); delete it, and `equipoise run` makes it anew") from error


def require_free(target: Path) -> None:
    """Refuse a place where something stands, perhaps under a name that is another one only to other disks.

    Raises
    ------
    FileExistsError
        Something is there, or a link that leads nowhere.
    """
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))


def link_file(source: Path | str, target: Path | str) -> None:
    """The same file at a second place that is free, without its bytes twice where the file system has hard links."""
    require_free(Path(target))
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def move_folder(folder: Path, final: Path) -> None:
    """Move a folder to a place that is free, whole or not at all, also to another volume."""
    try:
        folder.rename(final)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        beside = final.with_name(f".{final.name}")
        shutil.rmtree(beside, ignore_errors=True)
        shutil.copytree(folder, beside)
        beside.rename(final)
        shutil.rmtree(folder)
