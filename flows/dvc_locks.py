"""DVC's read-write lock: which stages run, and what killed ones left in it."""

from __future__ import annotations

import json
from pathlib import Path

import psutil

from tasks.errors import InputError
from tasks.files import write_text

RUNNING = Path(".dvc", "tmp", "rwlock")  # DVC's list of the outputs that stages write, and read, at this moment


def release_dead_locks(root: Path) -> None:
    """Take entries of processes that are gone out of DVC's read-write lock.

    DVC does so itself, but takes a zombie, which a killed run leaves where nothing reaps orphans (in many containers),
    for a living process. Call it while holding the workspace.
    """
    path = root / RUNNING
    try:
        locks = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        path.unlink(missing_ok=True)
        return
    write = {name: info for name, info in locks.get("write", {}).items() if _alive(info["pid"])}
    read = {
        name: living
        for name, infos in locks.get("read", {}).items()
        if (living := [info for info in infos if _alive(info["pid"])])
    }
    if write != locks.get("write") or read != locks.get("read"):
        write_text(path, json.dumps({"write": write, "read": read}))


def require_quiet(root: Path) -> None:
    """Refuse while a stage runs that plain `dvc repro` started, which knows nothing of the workspace's own lock.

    Call it after `release_dead_locks`.

    Raises
    ------
    InputError
        A stage runs.
    """
    path = root / RUNNING
    locks = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if any(locks.values()):
        raise InputError("a stage runs, which `dvc repro` has started: wait for it, and try again")


def _alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
