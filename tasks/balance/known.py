"""The store of images that recipes made in earlier runs."""

from __future__ import annotations

import inspect
import sys

from tasks.balance.mixed import MixedImages
from tasks.balance.presets import Preset
from tasks.row_store import RowStore
from tasks.workspace import Workspace


def known_images(workspace: Workspace, store: str, component: Preset | MixedImages, depth: int) -> RowStore:
    """The store of the images that a preset of transforms, or a mix, made in earlier runs, as the row store `store`.

    `depth` is that of the dataset, on whose scale 16-bit images are changed.

    A preset is data, all of which its specification holds; the pixels of a mix hang on the code of its component as
    well.
    """
    source = inspect.getsource(sys.modules[type(component).__module__]) if isinstance(component, MixedImages) else ""
    return RowStore.of(
        workspace,
        store,
        code=["tasks.balance.derive"],
        packages=["albumentations", "albucore", "numpy", "opencv-python-headless", "pillow", "scipy", "simplejpeg"],
        parameters=[component.specification(), source, depth],
    )
