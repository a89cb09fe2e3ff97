"""The probe of a recipe: its new images and originals, as features and traces, a class at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from tasks.audit.probe import probe_class, probed_rows
from tasks.audit.traces import measure_traces
from tasks.fingerprints import file_hash
from tasks.rows import Rows
from tasks.train.stored_inputs import inputs_of
from tasks.workspace import Workspace

SIDE = 32  # pixels a side of what a family on images is taken to see


def probe_recipe(
    workspace: Workspace, strategy: str, balanced: pd.DataFrame, catalog: pd.DataFrame, groups: dict[str, str]
) -> dict[str, Any]:
    """Probe each class with enough new images, in the features that the strategy's family learns from.

    Parameters
    ----------
    workspace
        Where everything stands.
    strategy
        Its name.
    balanced
        Table `BALANCED` of its recipe.
    catalog
        Table `CATALOG`.
    groups
        The group of relatives of each original.
    """
    rows = probed_rows(balanced, groups)
    if rows.empty:
        return {}
    chosen = workspace.params.strategies[strategy]
    recipe, raw = workspace.path("data", "balanced", chosen.recipe), workspace.path("data", "raw")
    files = catalog.set_index("image_id")
    paths = [recipe / row.file if row.is_new else raw / files.loc[row.parent, "path"] for row in rows.itertuples()]
    keys = [
        file_hash(path) if row.is_new else files.loc[row.parent, "sha256"]
        for path, row in zip(paths, rows.itertuples(), strict=True)
    ]
    store = Rows.of(
        workspace,
        "traces",
        code=["tasks.audit.traces"],
        packages=["numpy", "opencv-python-headless", "pillow", "simplejpeg"],
    )
    traces = measure_traces(paths, keys, store, workspace.workers)
    inputs = inputs_of(workspace, chosen, balanced).take(np.where(rows["is_new"], rows["row_id"], rows["parent"]))
    if chosen.family.inputs == "features":
        vectors = inputs.features(chosen.family.backbone)
    else:
        vectors = inputs.images(SIDE).reshape(len(rows), -1).astype(np.float32)
    return {str(label): probe_class(own, vectors[own.index], traces[own.index]) for label, own in rows.groupby("label")}
