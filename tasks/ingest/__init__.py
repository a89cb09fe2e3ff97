"""ingest: every file below ``data/raw`` opened safely once, a row an image, the unreadable ones set aside.

A class is a first folder below ``data/raw``, or what ``data/raw/table.csv`` says. Files with the same bytes are one
image with all their paths; the same bytes under two labels are nobody's truth and are set aside. Nothing is lost
silently: whatever is no row of the catalog stands in the table of rejected files with the reason.

`sources` lists the files and `table` holds what the user says of them, read by `reading`; `examine` opens one file and
`stored` those that are not known yet, `catalog` makes the tables, `reasons` lists why a file can be set aside, and
`checks` say when to stop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks.workspace import Workspace


def run(workspace: Workspace, name: str) -> None:
    """Make ``data/catalog`` from ``data/raw``."""
    from tasks.files import write_json
    from tasks.ingest.catalog import ingest, summarise
    from tasks.ingest.stored import known_files
    from tasks.progress import say
    from tasks.tables import CATALOG, REJECTED

    store = known_files(workspace)
    catalog, rejected = ingest(workspace.path("data", "raw"), workspace.params.ingest, workspace.workers, store)
    summary = summarise(catalog, rejected)
    with workspace.output("data", "catalog") as folder:
        CATALOG.write(catalog, folder / "catalog.parquet")
        REJECTED.write(rejected, folder / "rejected.parquet")
        write_json(folder / "summary.json", summary)
    counts = ", ".join(f"{label} {number:,}" for label, number in summary["classes"].items())
    say(f"{len(catalog):,} images: {counts}; {summary['unlabelled']:,} unlabelled")
