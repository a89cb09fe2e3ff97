"""Stage `pretrain`: reads and writes files; what is between stands in the modules beside."""

from __future__ import annotations

import shutil

from tasks.decoding import decoded_once
from tasks.depth import depth_of
from tasks.pretrain.backbone import BACKBONES
from tasks.pretrain.fits import fit_all, orders_of, write_all
from tasks.progress import say
from tasks.tables import CATALOG, SPLITS
from tasks.workspace import STATE, Workspace


def run(workspace: Workspace, name: str) -> None:
    """Fit the backbone `name`; writes ``models/backbones/<name>`` and ``data/features/<name>``."""
    method = workspace.params.pretrain[name]
    catalog = workspace.read(CATALOG)
    orders = orders_of(method, workspace.read(SPLITS), catalog)
    raw, own = workspace.path("data", "raw"), f"pretrain@{name}"  # no strategy's name holds such a sign
    files = {row.image_id: raw / row.path for row in catalog.itertuples()}
    say(f"decoding {len(files):,} images")
    decoded_folder, checkpoints = workspace.path(STATE, "decoded", own), workspace.path(STATE, "checkpoints", own)
    decoded = decoded_once(files, method.image_size, method.resize, depth_of(catalog), decoded_folder)
    made = fit_all(method, orders, decoded, checkpoints, workspace.workers)
    with (
        workspace.output("data", "features", name) as features,
        workspace.output(*BACKBONES, name) as folder,
    ):
        write_all(orders, made, method, decoded, folder, features)
    for scratch in (decoded_folder, checkpoints):
        shutil.rmtree(scratch, ignore_errors=True)
