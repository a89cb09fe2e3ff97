"""The probe of a recipe: its new images and originals, as features and traces, a class at a time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from tasks.audit.probe import probe_class, probed_rows
from tasks.audit.traces import measure_traces
from tasks.depth import depth_of
from tasks.fingerprints import file_hash
from tasks.row_store import Row, RowStore
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
    depth = depth_of(catalog)
    store = RowStore.of(
        workspace,
        "traces",
        code=["tasks.audit.traces"],
        packages=["numpy", "opencv-python-headless", "pillow", "simplejpeg"],
        parameters={"depth": depth},
    )
    traces = measure_traces(paths, keys, depth, store, workspace.workers)
    inputs = inputs_of(workspace, chosen, balanced).take(np.where(rows["is_new"], rows["row_id"], rows["parent"]))
    if chosen.family.inputs == "features":
        vectors = inputs.features(chosen.family.backbone)
    else:
        vectors = inputs.images(SIDE).reshape(len(rows), -1).astype(np.float32)
    return _probe_once(workspace, rows, vectors, traces)


def _probe_once(workspace: Workspace, rows: pd.DataFrame, features: np.ndarray, traces: np.ndarray) -> dict[str, Any]:
    """`probe_class` of each class, which strategies that share a recipe and features ask once."""
    classes = {str(label): own for label, own in rows.groupby("label")}
    keys = {_content(label, own, features[own.index], traces[own.index]): label for label, own in classes.items()}

    def compute(missing: list[str]) -> Iterator[Row]:
        for key in missing:
            own = classes[keys[key]]
            yield {"found": json.dumps(probe_class(own, features[own.index], traces[own.index]))}

    store = RowStore.of(workspace, "probes", code=["tasks.audit.probe"], packages=["numpy", "pandas", "scipy"])
    return {
        label: json.loads(row["found"]) for label, row in zip(classes, store.fill(list(keys), compute), strict=True)
    }


def _content(label: str, rows: pd.DataFrame, features: np.ndarray, traces: np.ndarray) -> str:
    """A hash of a class's name and of all that `probe_class` takes."""
    digest = hashlib.sha256(label.encode())
    for values in (rows["is_new"].to_numpy(bool), rows["group"].to_numpy(np.int64), features, traces):
        digest.update(repr((values.shape, values.dtype.str)).encode() + np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()
