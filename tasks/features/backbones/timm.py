"""Any model of `timm` as a frozen backbone."""

from __future__ import annotations

from typing import ClassVar, Literal

from tasks.features.folder_backbone import FolderBackbone
from tasks.model_folders.of_timm import TimmFolder


class TimmBackbone(TimmFolder, FolderBackbone):
    """Needs the extra ``timm``."""

    name: Literal["timm"] = "timm"
    packages: ClassVar[tuple[str, ...]] = ("timm", *FolderBackbone.packages)
