"""Stage `synthesize`: reads and writes files; what is between stands in the modules beside."""

from __future__ import annotations

from tasks.lineage import TrainingSet
from tasks.synthesize.folds import synthesize
from tasks.tables import CATALOG, SPLITS
from tasks.workspace import Workspace


def run(workspace: Workspace, name: str) -> None:
    """Fit the generator `name` to each fold and write ``data/synthetic/<name>/``."""
    params = workspace.params
    training = TrainingSet.of(
        workspace.read(CATALOG),
        workspace.read(SPLITS),
    )
    with workspace.output("data", "synthetic", name) as folder:
        synthesize(
            training,
            params.generators[name],
            image_size=params.synthesize.image_size,
            seed=params.synthesize.seed,
            raw=workspace.path("data", "raw"),
            folder=folder,
            workers=workspace.workers,
        )
