"""balance: a recipe's training set: which originals, how often, which new images, and what each row descends from.

First a plan, without a pixel touched (`tasks.balance.plan`), then the new images (`tasks.balance.make`), then the proof
that no row descends from an evaluation image. Only new images are files; originals and their copies are referred to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.workspace import STATE, Workspace

STORE = "images-"  # and the recipe's name: the row store of its new images

if TYPE_CHECKING:
    import numpy as np

    from tasks.balance.mix import Mix
    from tasks.balance.transforms import Transforms
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

    _forget_removed(workspace)
    with workspace.output("data", "balanced", name) as folder:
        around = Surroundings(
            raw=workspace.path("data", "raw"),
            synthetic=workspace.path("data", "synthetic", recipe.synthetic),
            features=features,
            known=lambda part: known_images(workspace, name, part),
            folder=folder,
            workers=workspace.workers,
        )
        balanced = assemble(TrainingSet.of(catalog, splits), recipe, workspace.params.balance.seed, around)
        prove_no_leak(balanced, splits)
        BALANCED.write(balanced, folder / "balanced.parquet")


def _forget_removed(workspace: Workspace) -> None:
    """Delete the stores of recipes that are gone from the parameters."""
    import shutil

    for store in workspace.path(STATE, "rows").glob(f"{STORE}*"):
        if store.name.removeprefix(STORE) not in workspace.params.recipes:
            shutil.rmtree(store, ignore_errors=True)


def known_images(workspace: Workspace, name: str, part: Transforms | Mix) -> Rows:
    """The store of the images that a preset of transforms, or a mix, made for the recipe `name` in earlier runs.

    A preset is data, all of which its specification holds; the pixels of a mix hang on the code of its part as well.
    """
    import inspect
    import sys

    from tasks.balance.mix import Mix
    from tasks.rows import Rows

    source = inspect.getsource(sys.modules[type(part).__module__]) if isinstance(part, Mix) else ""
    return Rows.of(
        workspace,
        STORE + name,
        code=["tasks.balance.derive"],
        packages=["albumentations", "albucore", "numpy", "opencv-python-headless", "pillow", "scipy", "simplejpeg"],
        parameters=[part.specification(), source],
    )
