"""balance: a recipe's training set: which originals, how often, which new images, and what each row descends from.

First a plan, without a pixel touched (`tasks.balance.plan`), then the new images (`tasks.balance.make`), then the proof
that no row descends from an evaluation image. Only new images are files; originals and their copies are referred to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.workspace import Workspace

if TYPE_CHECKING:
    import numpy as np

    from tasks.rows import Rows


def run(workspace: Workspace, name: str) -> None:
    """Read ``data/catalog``, ``data/splits``, ``data/features`` and the images, write ``data/balanced/<name>``."""
    from tasks.balance.assemble import Surroundings, assemble
    from tasks.features import Features
    from tasks.lineage import TrainingSet, prove_no_leak
    from tasks.tables import BALANCED, CATALOG, SPLITS

    catalog = CATALOG.read(workspace.path("data", "catalog", "catalog.parquet"))
    splits = SPLITS.read(workspace.path("data", "splits", "splits.parquet"))
    recipe = workspace.params.recipes[name]

    def features(image_ids: list[str]) -> np.ndarray:
        return Features.load(workspace.path("data", "features")).take(image_ids)

    with workspace.output("data", "balanced", name) as folder:
        around = Surroundings(
            raw=workspace.path("data", "raw"),
            synthetic=workspace.path("data", "synthetic", recipe.synthetic),
            features=features,
            known=lambda specification: known_images(workspace, name, specification),
            folder=folder,
            workers=workspace.workers,
        )
        balanced = assemble(TrainingSet.of(catalog, splits), recipe, workspace.params.balance.seed, around)
        prove_no_leak(balanced, splits)
        BALANCED.write(balanced, folder / "balanced.parquet")


def known_images(workspace: Workspace, name: str, specification: str) -> Rows:
    """The store of the images that a specification made for the recipe `name` in earlier runs."""
    from tasks.rows import Rows

    return Rows.of(
        workspace,
        f"images-{name}",
        code=["tasks.balance.derive", "tasks.balance.mix"],
        packages=["albumentations", "opencv-python-headless", "numpy", "pillow", "simplejpeg"],
        parameters=specification,
    )
