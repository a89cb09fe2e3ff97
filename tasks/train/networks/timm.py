"""Any model of `timm`, to be trained further."""

from __future__ import annotations

from typing import ClassVar, Literal

from tasks.model_folders.of_timm import TimmFolder
from tasks.train.finetuning.folder_network import FolderNetwork


class TimmNetwork(TimmFolder, FolderNetwork):
    """Needs the extra ``timm``; a stage is one of its blocks, or of its stages where it has some."""

    name: Literal["timm"] = "timm"
    packages: ClassVar[tuple[str, ...]] = ("timm",)
