"""synthesize: new images of rare classes from a generative model that is fitted to training images.

A generator that has seen all training rows has seen every fold, and its images could train no model that is judged out
of fold. So one model is fitted *a fold*, to the training rows of that fold alone. Its images then lie in that fold as
its rows do: they train the models of all other folds, and never the one whose judges the generator has seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks.workspace import Workspace


def run(workspace: Workspace, name: str) -> None:
    """Fit the generator `name` to each fold and write ``data/synthetic/<name>/``."""
    from tasks.lineage import TrainingSet
    from tasks.synthesize.folds import synthesize
    from tasks.tables import CATALOG, SPLITS

    params = workspace.params
    training = TrainingSet.of(
        CATALOG.read(workspace.path("data", "catalog", "catalog.parquet")),
        SPLITS.read(workspace.path("data", "splits", "splits.parquet")),
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
