"""A table a part, and the images beside it in class folders.

``DIR/<part>.csv`` with `path`, relative to `DIR`, and the lineage; ``DIR/<part>/<class>/<row id>.<ext>``.
"""

from __future__ import annotations

from pathlib import Path

from flows.releases.exporting.imagefolder import put
from flows.releases.exporting.images import Images
from flows.releases.exporting.rows import Parts
from flows.releases.exporting.table import write_csv


def write(parts: Parts, part: str, folder: Path, images: Images) -> None:
    """Write one part, ``<part>.csv`` with its images below ``<part>/``."""
    rows = parts.rows[part]
    put(rows, part, folder, images)
    named = ((f"{part}/{row.folder}/{row.name}", row.facts) for row in rows)
    write_csv(folder / f"{part}.csv", "path", named)
