"""Stage `embed_new`: reads and writes files; what is between stands in `tasks.features`."""

from __future__ import annotations

from tasks.depth import depth_of
from tasks.features import ABOUT, Features
from tasks.features.embedding import about
from tasks.features.stored import embed_stored
from tasks.files import write_json
from tasks.fingerprints import file_hash
from tasks.params.models import NONE
from tasks.progress import say
from tasks.tables import BALANCED, CATALOG
from tasks.workspace import Workspace


def run(workspace: Workspace, name: str) -> None:
    """Read ``data/catalog`` and ``data/balanced/<name>``, write ``data/features_new/<name>/<backbone>``."""
    recipe = workspace.path("data", "balanced", name)
    balanced = workspace.read(BALANCED, name)
    new = balanced[balanced["file"].notna()]
    if new.empty:
        say(f"{name} has no new images")
    files = [recipe / file for file in new["file"]]
    hashes = [file_hash(file) for file in files]
    depth = depth_of(workspace.read(CATALOG))
    with workspace.output("data", "features_new", name) as folder:
        for key, backbone in workspace.params.backbones.items():
            if backbone.recipes is None or name in backbone.recipes:
                (folder / key).mkdir()
                values = embed_stored(workspace, backbone, hashes, files, depth)
                Features(new["row_id"].tolist(), values).save(folder / key, about(backbone))
        write_json(folder / NONE / ABOUT, {})
