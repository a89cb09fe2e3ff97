"""Any vision model of `transformers` as a frozen backbone."""

from __future__ import annotations

from typing import ClassVar, Literal

from tasks.features.folder_backbone import FolderBackbone
from tasks.model_folders.of_transformers import TransformersFolder


class TransformersBackbone(TransformersFolder, FolderBackbone):
    """Needs the extra ``transformers``."""

    name: Literal["transformers"] = "transformers"
    packages: ClassVar[tuple[str, ...]] = ("transformers", *FolderBackbone.packages)
