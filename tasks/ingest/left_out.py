"""What `equipoise add` left out when it copied the images: ``data/left_out.csv``, committed in git, for the report."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.errors import InputError
from tasks.tables import REJECTED

LEFT_OUT = Path("data", "left_out.csv")


def read_left_out(path: Path) -> pd.DataFrame:
    """Read what was left out as a table `REJECTED`; its paths lie below the folder that was added.

    Raises
    ------
    InputError
        The file is not such a table; where there is none, nothing was left out.
    """
    names = REJECTED.schema.names
    remedy = f"get the file back from git, or write one line into it: {','.join(names)}"
    if not path.is_file():
        return REJECTED.empty()
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = [line for line in csv.reader(file, strict=True) if line]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: can't be read ({error}); {remedy}") from None
    if not lines or lines[0] != names or any(len(line) != len(names) for line in lines):
        raise InputError(f"{path}: should have the columns {','.join(names)} in every line; {remedy}")
    rows = pd.DataFrame(lines[1:], columns=names)
    rows["label"] = [label or None for label in rows["label"]]
    return rows


def left_out_text(rows: Iterable[Mapping[str, Any]]) -> str:
    """The contents of the file: one line a file that was left out."""
    text = io.StringIO()
    writer = csv.DictWriter(text, REJECTED.schema.names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: "" if pd.isna(value) else value for name, value in row.items()} for row in rows)
    return text.getvalue()


def with_left_out(catalog: pd.DataFrame, rejected: pd.DataFrame, left_out: pd.DataFrame) -> pd.DataFrame:
    """The table of rejected files and what never came to `data/raw`; a path that is there by now stands for itself."""
    present = {path for paths in catalog["paths"] for path in paths} | set(rejected["path"])
    missing = left_out[~left_out["path"].isin(present)].drop_duplicates("path")
    rows = [*rejected.to_dict("records"), *missing.to_dict("records")]
    return pd.DataFrame(rows, columns=REJECTED.schema.names).sort_values("path", ignore_index=True)
