"""The row store: what was found out about single images before, taken over where neither image nor method changed.

DVC reruns a stage whole, though one new image in a hundred leaves ninety-nine rows as they were. A row is kept under
the content hash of its image, in a folder named by everything else that decides it: the parameters, the code and the
versions of the libraries. The store stands in the workspace's state, which git and DVC ignore; to delete it changes
time only, never a result.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.closure import code_digest
from tasks.files import json_digest, write_bytes
from tasks.progress import say
from tasks.workspace import STATE, Workspace

if TYPE_CHECKING:
    import pyarrow as pa

Row = dict[str, Any]  # plain Python values by name, the same names in every row of a store
KEY = "key"
FLUSH_SECONDS = 20.0  # what a killed run may lose
KEPT = 3  # methods a name of which rows are kept, those used last


@dataclass(frozen=True)
class RowStore:
    """The rows of one method, each under its image's content hash.

    Attributes
    ----------
    folder
        Where they stand: Parquet files that are only ever added.
    """

    folder: Path

    @classmethod
    def of(
        cls, workspace: Workspace, name: str, *, code: Sequence[str], packages: Sequence[str], parameters: Any = None
    ) -> RowStore:
        """The store of a method.

        Parameters
        ----------
        workspace
            Whose state holds the store.
        name
            What the rows hold, for instance ``features``.
        code
            Modules of `tasks` that compute a row; what they import of `tasks` counts as well.
        packages
            Distributions whose versions decide a row.
        parameters
            Whatever else decides a row, as JSON can hold it.
        """
        method = {"code": code_digest(code), "packages": {p: version(p) for p in packages}, "parameters": parameters}
        digest = json_digest(method)[:16]
        folder = workspace.path(STATE, "rows", name, digest)
        folder.mkdir(parents=True, exist_ok=True)
        folder.touch()
        by_use = sorted(folder.parent.iterdir(), key=_last_use, reverse=True)
        for old in [one for one in by_use if one != folder][KEPT - 1 :]:
            shutil.rmtree(old, ignore_errors=True)
        return cls(folder)

    def fill(
        self,
        keys: Sequence[str],
        compute: Callable[[list[str]], Iterable[Row]],
        intact: Callable[[Row], bool] = lambda row: True,
    ) -> list[Row]:
        """The rows of `keys`, in their order: those that are known, and the others as `compute` makes them.

        Parameters
        ----------
        keys
            Content hashes; one that stands twice is computed once.
        compute
            Called once with the keys that lack a row, in order of appearance, if there are any; yields their rows in
            that order. They are stored as they come, so a killed run goes on where it stood.
        intact
            Whether a known row still holds, for rows that speak of files; one that doesn't is computed again.
        """
        table = self._read()
        at = {key: row for row, key in enumerate(table.column(KEY).to_pylist())} if table is not None else {}
        wanted = list(dict.fromkeys(keys))
        known = [key for key in wanted if key in at]
        rows: dict[str, Row] = {}
        if table is not None and known:
            found = table.take([at[key] for key in known]).drop_columns([KEY]).to_pylist()
            rows = {key: row for key, row in zip(known, found, strict=True) if intact(row)}
            say(f"{len(rows):,} of {len(wanted):,} known from earlier runs")
        missing = [key for key in wanted if key not in rows]
        if missing:
            rows |= self._compute(missing, compute)
        return [rows[key] for key in keys]

    def knows(self, keys: Iterable[str]) -> set[str]:
        """Those of `keys` that have a row."""
        table = self._read()
        return set() if table is None else set(keys) & set(table.column(KEY).to_pylist())

    def _compute(self, missing: list[str], compute: Callable[[list[str]], Iterable[Row]]) -> dict[str, Row]:
        made: dict[str, Row] = {}
        stored, last = 0, time.monotonic()
        try:
            for key, row in zip(missing, compute(missing), strict=True):
                made[key] = row
                if time.monotonic() - last > FLUSH_SECONDS:
                    self._store(list(made.items())[stored:])
                    stored, last = len(made), time.monotonic()
        except BaseException:  # what was found out before an error stays, unless the disk is what is wrong
            with suppress(OSError):
                self._store(list(made.items())[stored:])
            raise
        self._store(list(made.items())[stored:])
        return made

    def _read(self) -> pa.Table | None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        found = []
        for file in sorted(self.folder.glob("*.parquet")):
            try:
                found.append(pq.read_table(file))
            except (pa.ArrowException, OSError):  # a damaged file costs time, no more
                file.unlink(missing_ok=True)
        return pa.concat_tables(found, promote_options="permissive") if found else None

    def _store(self, rows: Sequence[tuple[str, Row]]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        if not rows:
            return
        name = hashlib.sha256("".join(key for key, _ in rows).encode()).hexdigest()[:16]
        buffer = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist([{KEY: key, **row} for key, row in rows]), buffer, compression="zstd")
        write_bytes(self.folder / f"{name}.parquet", buffer.getvalue().to_pybytes())


def _last_use(folder: Path) -> float:
    """When a method was used last; never, where another process has just taken it away."""
    try:
        return folder.stat().st_mtime
    except FileNotFoundError:
        return 0.0
