"""Stage `embed`: reads and writes files; what is between stands in `tasks.features`."""

from __future__ import annotations

from tasks.depth import depth_of
from tasks.features import Features
from tasks.features.embedding import about
from tasks.features.stored import embed_stored
from tasks.tables import CATALOG
from tasks.workspace import Workspace


def run(workspace: Workspace, name: str) -> None:
    """Read ``data/catalog`` and the images, write ``data/features/<name>``, `name` being a backbone's."""
    backbone = workspace.params.backbones[name]
    catalog = workspace.read(CATALOG)
    paths = [workspace.path("data", "raw", path) for path in catalog["path"]]
    values = embed_stored(workspace, backbone, catalog["sha256"].tolist(), paths, depth_of(catalog))
    with workspace.output("data", "features", name) as folder:
        Features(catalog["image_id"].tolist(), values).save(folder, about(backbone))
