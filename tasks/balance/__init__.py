"""balance: a recipe's training set: which originals, how often, which new images, and what each row descends from.

First a plan, without a pixel touched (`tasks.balance.plan`), then the new images (`tasks.balance.make`), then the proof
that no row descends from an evaluation image. Only new images are files; originals and their copies are referred to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

STORE = "images-"  # and the recipe's name: the row store of its new images

if TYPE_CHECKING:
    import numpy as np

    from tasks.workspace import Workspace


def run(workspace: Workspace, name: str) -> None:
    """Read ``data/catalog``, ``data/splits``, ``data/features`` and the images, write ``data/balanced/<name>``."""
    from tasks.balance.assemble import Resources, assemble
    from tasks.balance.known import known_images
    from tasks.features import Features
    from tasks.lineage import TrainingSet, prove_no_leak
    from tasks.tables import BALANCED, CATALOG, SPLITS

    catalog = CATALOG.read(workspace.path("data", "catalog", "catalog.parquet"))
    splits = SPLITS.read(workspace.path("data", "splits", "splits.parquet"))
    params = workspace.params
    recipe = params.recipes[name]

    def features(image_ids: list[str]) -> np.ndarray:
        return Features.load(workspace.path("data", "features", params.balance.backbone)).take(image_ids)

    _forget_removed(workspace)
    with workspace.output("data", "balanced", name) as folder:
        resources = Resources(
            raw=workspace.path("data", "raw"),
            synthetic=workspace.path("data", "synthetic", recipe.synthetic.generator),
            features=features,
            known=lambda component: known_images(workspace, STORE + name, component),
            folder=folder,
            workers=workspace.workers,
        )
        balanced = assemble(TrainingSet.of(catalog, splits), recipe, params.balance.seed, resources)
        prove_no_leak(balanced, splits)
        BALANCED.write(balanced, folder / "balanced.parquet")


def _forget_removed(workspace: Workspace) -> None:
    """Delete the stores of recipes that are gone from the parameters."""
    import shutil

    from tasks.workspace import STATE

    for store in workspace.path(STATE, "rows").glob(f"{STORE}*"):
        if store.name.removeprefix(STORE) not in workspace.params.recipes:
            shutil.rmtree(store, ignore_errors=True)
