"""Stage `ingest`: reads and writes files; what is between stands in the modules beside."""

from __future__ import annotations

from tasks.files import write_json
from tasks.ingest.catalog import ingest, summarise
from tasks.ingest.left_out import LEFT_OUT, read_left_out, with_left_out
from tasks.ingest.stored import known_files
from tasks.progress import say
from tasks.tables import CATALOG, REJECTED
from tasks.workspace import Workspace


def run(workspace: Workspace, name: str) -> None:
    """Make ``data/catalog`` from ``data/raw``."""
    store = known_files(workspace)
    catalog, rejected = ingest(workspace.path("data", "raw"), workspace.params.ingest, workspace.workers, store)
    rejected = with_left_out(catalog, rejected, read_left_out(workspace.path(str(LEFT_OUT))))
    summary = summarise(catalog, rejected)
    with workspace.output("data", "catalog") as folder:
        CATALOG.write(catalog, folder / CATALOG.file)
        REJECTED.write(rejected, folder / REJECTED.file)
        write_json(folder / "summary.json", summary)
    counts = ", ".join(f"{label} {number:,}" for label, number in summary["classes"].items())
    say(f"{len(catalog):,} images: {counts}; {summary['unlabelled']:,} unlabelled")
