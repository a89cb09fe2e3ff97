"""balance: a recipe's training set: which originals, how often, which new images, and what each row descends from.

First a plan, without a pixel touched (`tasks.balance.plan`), then the new images (`tasks.balance.make`), then the proof
that no row descends from an evaluation image. Only new images are files; originals and their copies are referred to.
"""

from __future__ import annotations

from tasks.workspace import Workspace


def run(workspace: Workspace, name: str) -> None:
    """Read ``data/catalog``, ``data/splits`` and the images, write ``data/balanced/<name>``."""
    from tasks.balance.assemble import assemble
    from tasks.lineage import TrainingSet, prove_no_leak
    from tasks.tables import BALANCED, CATALOG, SPLITS

    catalog = CATALOG.read(workspace.path("data", "catalog", "catalog.parquet"))
    splits = SPLITS.read(workspace.path("data", "splits", "splits.parquet"))
    recipe = workspace.params.recipes[name]
    with workspace.output("data", "balanced", name) as folder:
        balanced = assemble(
            TrainingSet.of(catalog, splits),
            recipe,
            seed=workspace.params.balance.seed,
            raw=workspace.path("data", "raw"),
            synthetic=workspace.path("data", "synthetic", recipe.synthetic),
            folder=folder,
            workers=workspace.workers,
        )
        prove_no_leak(balanced, splits)
        BALANCED.write(balanced, folder / "balanced.parquet")
