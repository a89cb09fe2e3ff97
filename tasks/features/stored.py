"""Embedding through the row store: only images that it doesn't know go through the backbone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.features.backbones import Backbone
from tasks.features.embedding import embed, packages_of, require_packages, vectors_of
from tasks.files import json_digest
from tasks.row_store import Row, RowStore
from tasks.workspace import Workspace


def embed_stored(
    workspace: Workspace, backbone: Backbone, keys: Sequence[str], paths: Sequence[Path], depth: int
) -> NDArray[np.float32]:
    """The feature vectors of image files, shape (n, d).

    Parameters
    ----------
    workspace
        Whose row store knows the vectors of earlier runs.
    backbone
        The network, and how images are shown to it.
    keys
        The content hash of each file.
    paths
        The files, in the order of `keys`.
    depth
        Bits of 16-bit values that are shown (`tasks.images.to_rgb`).

    Raises
    ------
    InputError
        A package that the backbone needs is not installed.
    """
    require_packages(backbone)
    if backbone.is_fitted:  # anew with almost every change of the data, so that a store would only grow
        return embed(paths, backbone, depth, workspace.workers)
    settings = backbone.settings()
    digest = json_digest(settings)[:8]
    store = RowStore.of(
        workspace,
        f"features-{backbone.name}-{digest}",
        code=["tasks.features.embedding", type(backbone).__module__],
        packages=packages_of(backbone),
        parameters={**settings, "depth": depth},
    )
    path_of = dict(zip(keys, paths, strict=True))

    def compute(missing: list[str]) -> Iterator[Row]:
        for vector in vectors_of([path_of[key] for key in missing], backbone, depth, workspace.workers):
            yield {"vector": vector.tobytes()}

    found = b"".join(row["vector"] for row in store.fill(keys, compute))
    return np.frombuffer(found, dtype=np.float32).reshape(len(keys), backbone.dimensions)
