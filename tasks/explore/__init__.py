"""explore: the report on the data, so that people know what they have before they try remedies.

Each question is one small file in `tasks.explore.checks`. Every image is decoded once for all of them. Descriptions by
class and the sentences on what to watch come from training images only; the test part is counted, and compared with
the training part as a whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks.workspace import Workspace


def run(workspace: Workspace, name: str) -> None:
    """Measure all images and write ``reports/explore/``."""
    from tasks.explore.dataset import Dataset, measure_table
    from tasks.explore.measure import known_measures, measure_images
    from tasks.explore.registered_checks import measure_titles
    from tasks.explore.report import write_report
    from tasks.features import Features
    from tasks.files import read_json
    from tasks.tables import CATALOG, GROUPS, PAIRS, REJECTED, SPLITS

    params = workspace.params.explore
    features = workspace.path("data", "features", params.backbone)
    catalog = CATALOG.read(workspace.path("data", "catalog", "catalog.parquet"))
    raw = workspace.path("data", "raw")
    measures = measure_images(raw, catalog, workspace.workers, known_measures(workspace))
    dataset = Dataset.of(
        catalog,
        groups=GROUPS.read(workspace.path("data", "groups", "groups.parquet")),
        pairs=PAIRS.read(workspace.path("data", "groups", "pairs.parquet")),
        splits=SPLITS.read(workspace.path("data", "splits", "splits.parquet")),
        rejected=REJECTED.read(workspace.path("data", "catalog", "rejected.parquet")),
        measures=measures,
        features=Features.load(features),
        params=params,
        group_summary=read_json(workspace.path("data", "groups", "summary.json")),
        backbone=read_json(features / "features.json").get("backbone", ""),
        measure_titles=measure_titles(),
        raw=raw,
    )
    with workspace.output("reports", "explore") as folder:
        measure_table(measures).write(measures, folder / "measures.parquet")
        write_report(dataset, raw, params.thumbnails, folder)
