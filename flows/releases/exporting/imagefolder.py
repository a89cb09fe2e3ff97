"""Class folders, as `torchvision.datasets.ImageFolder` and `datasets` read them, with the lineage in a table a part.

``DIR/<part>/<class>/<row id>.<ext>``, and ``DIR/<part>/metadata.csv``, whose `file_name` is relative to its own folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from flows.releases.exporting.images import Images
from flows.releases.exporting.rows import Parts, Row
from flows.releases.exporting.table import write_csv
from tasks.progress import Progress


def write(parts: Parts, part: str, folder: Path, images: Images) -> None:
    """Write one part."""
    rows = parts.rows[part]
    put(rows, part, folder, images)
    named = ((f"{row.folder}/{row.name}", row.facts) for row in rows)
    write_csv(folder / part / "metadata.csv", "file_name", named)


def put(rows: Sequence[Row], part: str, folder: Path, images: Images) -> None:
    """Put the files of `rows` into class folders below ``folder/part``."""
    (folder / part).mkdir()
    for name in sorted({row.folder for row in rows}):
        (folder / part / name).mkdir()
    for row in Progress(rows, f"images of the part {part}"):
        images.put(row, folder / part / row.folder / row.name)
