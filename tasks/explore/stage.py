"""Stage `explore`: reads and writes files; what is between stands in the modules beside."""

from __future__ import annotations

from tasks.depth import depth_of
from tasks.explore.dataset import Dataset, measure_table
from tasks.explore.measure import known_measures, measure_images
from tasks.explore.registered_checks import measure_titles
from tasks.explore.report import write_report
from tasks.features import ABOUT, Features
from tasks.files import read_json
from tasks.tables import CATALOG, GROUPS, PAIRS, REJECTED, SPLITS
from tasks.workspace import Workspace


def run(workspace: Workspace, name: str) -> None:
    """Measure all images and write ``reports/explore/``."""
    params = workspace.params.explore
    features = workspace.path("data", "features", params.backbone)
    catalog = workspace.read(CATALOG)
    raw = workspace.path("data", "raw")
    known = known_measures(workspace, depth_of(catalog))
    measures = measure_images(raw, catalog, workspace.workers, known)
    dataset = Dataset.of(
        catalog,
        groups=workspace.read(GROUPS),
        pairs=workspace.read(PAIRS),
        splits=workspace.read(SPLITS),
        rejected=workspace.read(REJECTED),
        measures=measures,
        features=Features.load(features),
        params=params,
        group_summary=read_json(workspace.path("data", "groups", "summary.json")),
        split_summary=read_json(workspace.path("data", "splits", "summary.json")),
        backbone=read_json(features / ABOUT).get("backbone", ""),
        measure_titles=measure_titles(),
        raw=raw,
    )
    with workspace.output("reports", "explore") as folder:
        table = measure_table(measures)
        table.write(measures, folder / table.file)
        write_report(dataset, raw, params.thumbnails, folder)
