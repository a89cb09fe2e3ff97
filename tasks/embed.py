"""embed: one feature vector an image of the catalog, from the backbone.

The backbone runs once; every strategy then fits its classifier on these vectors in seconds.
"""

from __future__ import annotations

from tasks.features import Features
from tasks.tables import CATALOG
from tasks.workspace import Workspace


def run(workspace: Workspace, name: str) -> None:
    """Read ``data/catalog`` and the images, write ``data/features``."""
    from tasks.features.embedding import about
    from tasks.features.stored import embed_stored

    params = workspace.params
    catalog = CATALOG.read(workspace.path("data", "catalog", "catalog.parquet"))
    paths = [workspace.path("data", "raw", path) for path in catalog["path"]]
    values = embed_stored(workspace, catalog["sha256"].tolist(), paths)
    with workspace.output("data", "features") as folder:
        Features(catalog["image_id"].tolist(), values).save(folder, about(params.embed))
