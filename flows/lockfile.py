"""The door to `dvc.lock` and `data/raw.dvc`: which output of a version has which content, and what it was made from.

They are read as they stand, at any revision, without resolving that revision's `dvc.yaml`: an old version stays
readable whatever became of the graph since.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from tasks.errors import InputError

LOCK = "dvc.lock"
RAW, POINTER = "data/raw", "data/raw.dvc"
REMEDY = "get it back from git, or choose another version"
_MD5 = re.compile(r"[0-9a-f]{32}(\.dir)?")
_NOT_DVCS = (YAMLError, KeyError, TypeError, AttributeError, ValueError)


@dataclass(frozen=True)
class Output:
    """One output of a version.

    Attributes
    ----------
    md5
        DVC's hash of its content; that of a folder ends in ``.dir``.
    stage
        The stage that makes it; `POINTER` for the raw images.
    size
        Bytes; 0 where the lock doesn't say.
    """

    md5: str
    stage: str
    size: int


@dataclass(frozen=True)
class Locked:
    """The outputs of a version by path, and the paths that each stage reads."""

    outputs: dict[str, Output]
    reads: dict[str, tuple[str, ...]]

    def needed_by(self, stage: str) -> list[str]:
        """Paths of the outputs of `stage` and of all stages that it directly or indirectly reads from."""
        stages, waiting = set[str](), [stage]
        while waiting:
            name = waiting.pop()
            if name in stages:
                continue
            stages.add(name)
            read = self.reads.get(name, ())
            waiting += [out.stage for path, out in self.outputs.items() if any(overlap(path, dep) for dep in read)]
        return [path for path, out in self.outputs.items() if out.stage in stages]


def read_locked(read: Callable[[str], bytes | None], where: str) -> Locked:
    """The outputs that a version's files name.

    Parameters
    ----------
    read
        Gives the content of a file of the version, or None.
    where
        What the version is called in messages.

    Raises
    ------
    InputError
        A file is not what DVC writes.
    """
    outputs: dict[str, Output] = {}
    reads: dict[str, tuple[str, ...]] = {}
    try:
        for out in _load(read(POINTER)).get("outs", []):
            outputs[RAW] = Output(check_md5(out["md5"]), POINTER, out.get("size", 0))
        for name, stage in _load(read(LOCK)).get("stages", {}).items():
            reads[name] = tuple(dep["path"] for dep in stage.get("deps", []))
            for out in stage.get("outs", []):
                if out.get("md5"):
                    outputs[out["path"]] = Output(check_md5(out["md5"]), name, out.get("size", 0))
    except _NOT_DVCS as error:
        raise InputError(
            f"{where}: {LOCK} or {POINTER} is not what DVC writes ({type(error).__name__}); {REMEDY}"
        ) from error
    for path in outputs:
        if PurePosixPath(path).is_absolute() or {"..", "."} & set(path.split("/")) or not path:
            raise InputError(f"{where}: {LOCK} names the output {path!r}, which lies outside the project; {REMEDY}")
    return Locked(outputs, reads)


def present_content(root: Path) -> bytes | None:
    """The `dvc.lock` of the working tree as it stands, if there is one."""
    path = root / LOCK
    return path.read_bytes() if path.is_file() else None


def present_digest(root: Path) -> str | None:
    """The SHA-256 of the working tree's `dvc.lock`, in hex."""
    content = present_content(root)
    return None if content is None else hashlib.sha256(content).hexdigest()


def present_stages(root: Path) -> dict[str, dict[str, str]]:
    """For each stage of the working tree's `dvc.lock`, in its order, DVC's hash of each of its outputs by path.

    Raises
    ------
    InputError
        The file is not what DVC writes.
    """
    try:
        stages = _load(present_content(root)).get("stages", {})
        return {
            name: {out["path"]: check_md5(out["md5"]) for out in stage.get("outs", []) if out.get("md5")}
            for name, stage in stages.items()
        }
    except _NOT_DVCS as error:
        raise InputError(f"{root / LOCK} is not what DVC writes ({type(error).__name__}); {REMEDY}") from error


def is_pointer(path: str) -> bool:
    """Whether a file of this path names data: a `dvc.lock`, or the ``.dvc`` file of a tracked folder, anywhere."""
    return PurePosixPath(path).name == LOCK or PurePosixPath(path).suffix == ".dvc"


def named_md5s(content: bytes, where: str) -> set[str]:
    """The md5 of all data that a `dvc.lock` or a ``.dvc`` file names.

    Raises
    ------
    InputError
        The file is not what DVC writes.
    """
    try:
        loaded = _load(content)
        stages = loaded.get("stages", {}).values()
        outs = [*loaded.get("outs", []), *(out for stage in stages for out in stage.get("outs", []))]
        return {check_md5(out["md5"]) for out in outs if out.get("md5")}
    except _NOT_DVCS as error:
        raise InputError(
            f"{where} is not what DVC writes ({type(error).__name__}), so what it needs is unknown: mend or delete it"
        ) from error


def check_md5(value: Any) -> str:
    """The value, if it is the hash of a file or, with ``.dir``, of a folder's list; it becomes a path in the cache.

    Raises
    ------
    ValueError
        It is something else.
    """
    if not _MD5.fullmatch(str(value)):
        raise ValueError(f"{value!r} is no md5")
    return str(value)


def _load(content: bytes | None) -> dict[str, Any]:
    return (YAML(typ="safe").load(content.decode("utf-8")) if content else None) or {}


def overlap(path: str, dependency: str) -> bool:
    """Whether one is, or lies in, the other: a stage may read the folder above several outputs."""
    return path == dependency or path.startswith(f"{dependency}/") or dependency.startswith(f"{path}/")
