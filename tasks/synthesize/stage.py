"""Stage `synthesize`: reads and writes files; what is between stands in the modules beside."""

from __future__ import annotations

import shutil

from tasks.lineage import TrainingSet
from tasks.synthesize.folds import Places, synthesize
from tasks.synthesize.gating import Gates
from tasks.synthesize.moments import told_file
from tasks.tables import CATALOG, SPLITS
from tasks.workspace import STATE, Workspace


def run(workspace: Workspace, name: str) -> None:
    """Fit the generator `name` to each fold and write ``data/synthetic/<name>/``."""
    params = workspace.params
    training = TrainingSet.of(workspace.read(CATALOG), workspace.read(SPLITS))
    checkpoints = workspace.path(STATE, "checkpoints", f"synthesize@{name}")  # no strategy's name holds such a sign
    with workspace.output("data", "synthetic", name) as folder:
        gates = Gates(
            params.backbones[params.synthesize.backbone],
            params.synthesize.selection,
            params.group.max_size,
            params.synthesize.surplus,
            workspace.workers,
        )
        synthesize(
            training,
            params.generators[name],
            gates,
            seed=params.synthesize.seed,
            places=Places(workspace.path("data", "raw"), folder, told_file(workspace.root, name), checkpoints),
            workers=workspace.workers,
        )
    shutil.rmtree(checkpoints, ignore_errors=True)
