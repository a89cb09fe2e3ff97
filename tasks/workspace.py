"""The thin edge that all stages share: where things stand, parameters, outputs that appear whole.

A stage's module has one function ``run(workspace, name)`` that reads tables, calls the stage's pure function and writes
what came of it; everything that touches the world goes through the `Workspace` that it is handed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from tasks.files import move_folder
from tasks.params import Params, load_params
from tasks.tables import Table

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

    def read(self, table: Table, item: str = "") -> pd.DataFrame:
        """A table of this workspace: the only one of its kind, or that of a recipe or strategy."""
        return table.read(self.place(table, item))

    def place(self, table: Table, item: str = "") -> Path:
        """Where such a table stands."""
        return self.path(*table.place(Path(), item).parts)

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
        move_folder(scratch, final)

    def sweep(self, *parts: str, keep: Iterable[str]) -> None:
        """Delete the folders below a folder whose names are not in `keep`.

        A stage that depends on the results of all strategies, whatever they are called, calls this first: DVC itself
        leaves the folders of a strategy that was taken out of `params.yaml`, and would count them as its input.
        """
        kept = set(keep)
        for folder in sorted(self.path(*parts).glob("*")):
            if folder.is_dir() and folder.name not in kept:
                shutil.rmtree(folder, ignore_errors=True)  # another stage may be at it too
