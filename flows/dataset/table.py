"""Finding the images that a table names, with what it says of each."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pandas as pd

from flows.dataset.entries import Entry, Found, listed
from flows.dataset.walking import walk
from tasks.errors import InputError
from tasks.group.name_series import column_hints
from tasks.ingest.columns import Columns
from tasks.ingest.reading import folded
from tasks.ingest.table import read_sources


def find_in_table(
    table: Path, columns: Columns | None = None, follow_links: bool = False, keep: Collection[str] | None = ()
) -> Found:
    """Find the images that `table` names; its paths are relative to its own folder and stay inside it.

    Parameters
    ----------
    table
        CSV, TSV, Excel or Parquet.
    columns
        How its columns are to be read.
    follow_links
        Whether links count as what they lead to.
    keep
        Further columns that are kept, beside those that may tell relatives; None for all.

    Raises
    ------
    InputError
        The table can't be read, lacks a column, or has rows that can't be used: all mistakes of a kind at once, the
        first rows named.
    """
    folder = table.parent
    found = read_sources(table, str(table), walk(folder, follow_links, once=False).files, columns)
    root = folder.resolve()
    hints = column_hints(found.others, pd.Series([one.path for one in found.sources]))
    wanted = {one["column"] for one in hints}
    kept = [one for one in found.others if keep is None or one in wanted or folded(one) in set(map(folded, keep))]
    entries, outside = [], []
    for source in found.sources:
        file = folder / source.path
        if not file.is_file() or not (follow_links or file.resolve().is_relative_to(root)):
            outside.append(f"row {source.row}: {source.path}")
            continue
        size = file.stat().st_size
        more = {name: found.others[name][source.path] for name in kept}
        entries.append(
            Entry(source.path, source.label or "", source.group or "", source.part or "", file, size, source.row, more)
        )
    if outside:
        what = "rows name links that lead out of the folder of the table, or nowhere; --follow-links takes the files"
        raise InputError(f"{table}: {listed(what, outside)}")
    notes = list(found.notes)
    unused = [name for name in found.others if name not in kept]
    if unused:
        notes.append(f"{table.name}: columns not used: {', '.join(sorted(unused))}")
    if kept:
        notes.append(f"{table.name}: columns kept, since they may tell relatives: {', '.join(sorted(kept))}")
    return Found(entries, notes, has_table=True, columns=found.others)
