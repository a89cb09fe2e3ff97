"""The small grey pictures that are compared, through the row store: an image that it knows is not decoded again."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tasks.depth import depth_of
from tasks.group.likeness import SIDE, picture
from tasks.images import open_rgb
from tasks.parallel import each
from tasks.progress import Progress
from tasks.row_store import Row, RowStore

if TYPE_CHECKING:
    import pandas as pd

    from tasks.workspace import Workspace


def stored_pictures(workspace: Workspace, catalog: pd.DataFrame) -> np.ndarray:
    """The picture of each image of the catalog, shape (n, `SIDE`, `SIDE`), uint8: 9 KB an image in memory."""
    depth = depth_of(catalog)
    store = RowStore.of(
        workspace,
        "pictures",
        code=["tasks.group.likeness", "tasks.images"],
        packages=["pillow", "simplejpeg", "numpy", "opencv-python-headless"],
        parameters={"depth": depth},
    )
    keys = catalog["sha256"].tolist()
    path_of = {key: workspace.path("data", "raw", path) for key, path in zip(keys, catalog["path"], strict=True)}

    def compute(missing: list[str]) -> Iterator[Row]:
        paths = [path_of[key] for key in missing]
        made = each(partial(_pixels_of, depth=depth), paths, workspace.workers)
        yield from ({"picture": one} for one in Progress(made, "images", total=len(paths)))

    pixels = b"".join(row["picture"] for row in store.fill(keys, compute))
    return np.frombuffer(pixels, dtype=np.uint8).reshape(len(keys), SIDE, SIDE)


def _pixels_of(path: Path, depth: int) -> bytes:
    """The pixels of the picture of a file."""
    return picture(open_rgb(path, depth)).tobytes()
