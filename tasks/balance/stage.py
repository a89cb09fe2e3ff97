"""Stage `balance`: reads and writes files; what is between stands in the modules beside."""

from __future__ import annotations

import shutil

import numpy as np

from tasks.balance.assemble import Resources, assemble
from tasks.balance.known import known_images
from tasks.depth import depth_of
from tasks.features import Features
from tasks.lineage import TrainingSet, prove_no_leak
from tasks.tables import BALANCED, CATALOG, SPLITS
from tasks.workspace import STATE, Workspace

STORE = "images-"  # and the recipe's name: the row store of its new images


def run(workspace: Workspace, name: str) -> None:
    """Read ``data/catalog``, ``data/splits``, ``data/features`` and the images, write ``data/balanced/<name>``."""
    catalog = workspace.read(CATALOG)
    splits = workspace.read(SPLITS)
    depth = depth_of(catalog)
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
            known=lambda component: known_images(workspace, STORE + name, component, depth),
            folder=folder,
            workers=workspace.workers,
        )
        balanced = assemble(TrainingSet.of(catalog, splits), recipe, params.balance.seed, resources)
        prove_no_leak(balanced, splits)
        BALANCED.write(balanced, folder / BALANCED.file)


def _forget_removed(workspace: Workspace) -> None:
    """Delete the stores of recipes that are gone from the parameters."""
    for store in workspace.path(STATE, "rows").glob(f"{STORE}*"):
        if store.name.removeprefix(STORE) not in workspace.params.recipes:
            shutil.rmtree(store, ignore_errors=True)
