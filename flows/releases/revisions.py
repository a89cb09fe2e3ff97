"""The tables and files of any git revision, or of the working tree, read through DVC's cache without a checkout."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from flows.git import read_at
from flows.lockfile import Locked, Output, read_locked
from flows.releases.store import Store
from tasks.errors import InputError
from tasks.tables import Table

WORKING_TREE = "working tree"


@dataclass(frozen=True)
class Revision:
    """A version of the project.

    Attributes
    ----------
    root
        The project's folder.
    store
        DVC's cache.
    name
        What people call it: a release, a git revision, or the working tree.
    commit
        Full hash of its commit; empty for the working tree.
    """

    root: Path
    store: Store
    name: str
    commit: str = ""

    @cached_property
    def locked(self) -> Locked:
        """The outputs that its `dvc.lock` names."""
        return read_locked(self._own_file, self.name)

    @cached_property
    def params(self) -> dict[str, Any]:
        """Its `params.yaml` as it stands, unchecked: an old one may not fit the models of today.

        Raises
        ------
        InputError
            It is no YAML.
        """
        try:
            params = YAML(typ="safe").load((self._own_file("params.yaml") or b"").decode("utf-8"))
        except (YAMLError, UnicodeDecodeError) as error:
            raise InputError(f"{self.name}: params.yaml can't be read: {error}; choose another version") from error
        return params if isinstance(params, dict) else {}

    @property
    def recipes(self) -> list[str]:
        """The recipes whose balanced sets it has, in the order of its `dvc.lock`."""
        return [name.removeprefix("balance@") for name in self.locked.reads if name.startswith("balance@")]

    def output(self, path: str) -> Output:
        """The output at `path`.

        Raises
        ------
        InputError
            It has none there.
        """
        out = self.locked.outputs.get(path)
        if out is None:
            raise InputError(
                f"{self.name} has no {path}: the stage that makes it had not run; choose another version, "
                "or `equipoise run` first"
            )
        return out

    def files(self, path: str) -> dict[str, str]:
        """The md5 of each file below the output folder `path`."""
        if not self.commit:
            contents = self.store.content_of(self.root / path)
            return {file.relative_to(self.root / path).as_posix(): md5 for file, md5 in contents.items()}
        return self.store.files(self.output(path).md5, f"{path} of {self.name}")

    def contents(self, path: str) -> list[str]:
        """The md5 of all objects of the output `path`, its list of files first."""
        md5 = self.output(path).md5
        return [md5, *self.store.files(md5, f"{path} of {self.name}").values()] if md5.endswith(".dir") else [md5]

    def table(self, table: Table, columns: Sequence[str], item: str = "") -> pd.DataFrame | None:
        """Columns of a table, of an item if there are several; those that an older version lacks are empty.

        Returns None where the version has no such table.

        Raises
        ------
        InputError
            It has one that can't be had, or read.
        """
        place = table.place(Path(), item)
        content = self._table_bytes(place.parent.as_posix(), place.name)
        if content is None:
            return None
        try:
            file = pq.ParquetFile(io.BytesIO(content))
            there = set(file.schema_arrow.names)
            frame = file.read([name for name in columns if name in there]).to_pandas()
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{place} of {self.name} is no table: {error}; choose another version") from error
        return frame.reindex(columns=list(columns))

    def _table_bytes(self, folder: str, file: str) -> bytes | None:
        if not self.commit:
            path = self.root / folder / file
            return path.read_bytes() if path.is_file() else None
        if folder not in self.locked.outputs:
            return None
        md5 = self.files(folder).get(file)
        if md5 is None:
            return None
        self.store.require([md5], f"{folder}/{file} of {self.name}")
        return self.store.read(md5)

    def _own_file(self, path: str) -> bytes | None:
        """A file that git keeps, as this version has it."""
        if self.commit:
            return read_at(self.root, self.commit, path)
        return (self.root / path).read_bytes() if (self.root / path).is_file() else None
