"""Stage `embed_new`: reads and writes files; what is between stands in `tasks.features`."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.depth import depth_of
from tasks.features import ABOUT, Features
from tasks.features.backbones import Backbone
from tasks.features.embedding import about
from tasks.features.stored import embed_stored
from tasks.files import write_json
from tasks.fingerprints import file_hash
from tasks.params.models import NONE
from tasks.pretrain.backbone import BACKBONES, folders_of, read_backbone
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
    depth, params = depth_of(workspace.read(CATALOG)), workspace.params
    workspace.sweep(*BACKBONES, keep=[*params.pretrain, NONE])
    with workspace.output("data", "features_new", name) as folder:
        for own, backbone in _backbones(workspace, name):
            (folder / own).mkdir(parents=True)
            values = embed_stored(workspace, backbone, hashes, files, depth)
            Features(new["row_id"].tolist(), values).save(folder / own, about(backbone))
        write_json(folder / NONE / ABOUT, {})


def _backbones(workspace: Workspace, recipe: str) -> Iterator[tuple[str, Backbone]]:
    """Each backbone that embeds the recipe's new images, one a fold where there are such, and where its features go."""
    params = workspace.params
    for key, backbone in params.backbones.items():
        if backbone.recipes is None or recipe in backbone.recipes:
            yield key, backbone
    for key, method in params.pretrain.items():
        if method.recipes is None or recipe in method.recipes:
            place = workspace.path(*BACKBONES, key)
            for own in folders_of(place):
                yield own.relative_to(place.parent).as_posix(), read_backbone(own)
