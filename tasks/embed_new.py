"""embed_new: one feature vector a new image of a recipe; originals and exact copies have theirs from embed."""

from __future__ import annotations

from tasks.features import Features
from tasks.progress import say
from tasks.tables import BALANCED
from tasks.workspace import Workspace


def run(workspace: Workspace, name: str) -> None:
    """Read ``data/balanced/<name>``, write ``data/features_new/<name>``."""
    from tasks.features.embedding import about
    from tasks.features.stored import embed_stored
    from tasks.fingerprints import file_hash

    params = workspace.params
    recipe = workspace.path("data", "balanced", name)
    balanced = BALANCED.read(recipe / "balanced.parquet")
    new = balanced[balanced["file"].notna()]
    if new.empty:
        say(f"{name} has no new images")
    files = [recipe / file for file in new["file"]]
    values = embed_stored(workspace, [file_hash(file) for file in files], files)
    with workspace.output("data", "features_new", name) as folder:
        Features(new["row_id"].tolist(), values).save(folder, about(params.embed))
