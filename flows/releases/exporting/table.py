"""Tables of an export as CSV: lists as words with spaces between.

CSV has no types, and readers guess them, a file at a time. So that they guess the same in every part, no column is
empty in one and not in another: a row that lies in no fold has -1, and a row that is no mix has its own label as the
second, with a share of 0, which is the same soft label.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from flows.releases.exporting.rows import COLUMNS


def write_csv(path: Path, place: str, rows: Iterable[tuple[str, dict[str, Any]]]) -> None:
    """Write a table to `path`: each row's place, in the column `place`, and its facts."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([place, *COLUMNS])
        for where, facts in rows:
            if facts["second_label"] is None:
                facts = facts | {"second_label": facts["label"], "second_share": 0.0}
            if facts["fold"] is None:
                facts = facts | {"fold": -1}
            writer.writerow([where, *(_text(facts[name]) for name in COLUMNS)])


def _text(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(value)
    return "" if value is None else str(value)
