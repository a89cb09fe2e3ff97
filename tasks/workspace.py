"""The thin edge that all stages share: where things stand, parameters, atomic outputs, progress.

A stage's module has one function ``run(workspace, name)`` that reads tables, calls the stage's pure function and writes
what came of it; everything that touches the world goes through the `Workspace` that it is handed.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tasks.params import Params, load_params

STATE = ".equipoise"  # logs, costs, stores and scratch of this workspace: ignored by git and DVC
WORKERS = "EQUIPOISE_WORKERS"  # how many processes a stage may use; never changes a result


@dataclass(frozen=True)
class Workspace:
    """One project folder: its parameters, its data, its results.

    Attributes
    ----------
    root
        The folder that holds `params.yaml` and `dvc.yaml`.
    stage
        The address of the stage that runs, for instance ``train@focal``.
    """

    root: Path
    stage: str = ""

    @cached_property
    def params(self) -> Params:
        """The checked parameters."""
        return load_params(self.root / "params.yaml")

    @property
    def workers(self) -> int:
        """How many one-thread processes this stage may use; changes time, never a result."""
        return max(1, int(os.environ.get(WORKERS, os.cpu_count() or 1)))

    def path(self, *parts: str) -> Path:
        """A path below the root."""
        return self.root.joinpath(*parts)

    @contextmanager
    def output(self, *parts: str) -> Iterator[Path]:
        """Make an output folder that appears whole or not at all.

        Yields a new empty folder beside its final place; when the block ends without an error it replaces whatever
        stands at the final place.
        """
        final = self.path(*parts)
        scratch = self.path(STATE, "scratch", "-".join(parts))
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        yield scratch
        final.parent.mkdir(parents=True, exist_ok=True)
        if final.exists():
            shutil.rmtree(final)
        _move(scratch, final)

    def sweep(self, *parts: str, keep: Iterable[str]) -> None:
        """Delete the folders below a folder whose names are not in `keep`.

        A stage that depends on the results of all strategies, whatever they are called, calls this first: DVC itself
        leaves the folders of a strategy that was taken out of `params.yaml`, and would count them as its input.
        """
        kept = set(keep)
        for folder in sorted(self.path(*parts).glob("*")):
            if folder.is_dir() and folder.name not in kept:
                shutil.rmtree(folder, ignore_errors=True)  # another stage may be at it too


def _move(scratch: Path, final: Path) -> None:
    """Move a folder to a place that is free, whole or not at all, also to another volume."""
    try:
        scratch.rename(final)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        beside = final.with_name(f".{final.name}")
        shutil.rmtree(beside, ignore_errors=True)
        shutil.copytree(scratch, beside)
        beside.rename(final)
        shutil.rmtree(scratch)


class Progress:
    """Iterates over items and prints, every few seconds, how many are done and how long the rest takes.

    Parameters
    ----------
    items
        What to iterate over; anything with a length, or an iterator together with `total`.
    what
        The plural noun of the items, for instance ``images``.
    total
        Number of items where `items` has no length.
    """

    def __init__(self, items: Any, what: str, total: int | None = None, every: float = 2.0) -> None:
        self.items = items
        self.what = what
        self.total = len(items) if total is None else total
        self.every = every

    def __iter__(self) -> Iterator[Any]:
        start = last = time.monotonic()
        done = 0
        for done, item in enumerate(self.items, start=1):
            yield item
            now = time.monotonic()
            if now - last >= self.every and done < self.total:
                last = now
                left = (now - start) / done * (self.total - done)
                # The first items also pay for the start of the workers: no forecast from those.
                forecast = f", {left:.0f} s left" if done >= self.total / 50 else ""
                say(f"{done:,} of {self.total:,} {self.what} ({done / self.total:.0%}){forecast}")
        say(f"{done:,} {self.what} in {time.monotonic() - start:.1f} s")


def say(message: str) -> None:
    """Tell the person at the keyboard one line; it reaches the terminal, the log file and Prefect's log."""
    sys.stdout.write(message + "\n")
    sys.stdout.flush()


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


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))
