"""Embedding through the row store: only images that it doesn't know go through the backbone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tasks.features.embedding import PACKAGES, backbone_of, vectors_of
from tasks.rows import Row, Rows
from tasks.workspace import Workspace


def embed_stored(workspace: Workspace, keys: Sequence[str], paths: Sequence[Path]) -> np.ndarray:
    """The feature vectors of image files, shape (n, d), float32.

    Parameters
    ----------
    workspace
        Whose parameters `embed` say how, and whose row store knows the vectors of earlier runs.
    keys
        The content hash of each file.
    paths
        The files, in the order of `keys`.
    """
    params = workspace.params.embed
    code = ["tasks.features.embedding", f"tasks.features.backbones.{params.backbone}"]
    rows = Rows.of(workspace, "features", code=code, packages=PACKAGES, parameters=params.model_dump())
    path_of = dict(zip(keys, paths, strict=True))

    def compute(missing: list[str]) -> Iterator[Row]:
        for vector in vectors_of([path_of[key] for key in missing], params, workspace.workers):
            yield {"vector": vector.tobytes()}

    found = b"".join(row["vector"] for row in rows.fill(keys, compute))
    return np.frombuffer(found, dtype=np.float32).reshape(len(keys), backbone_of(params).dimensions)
