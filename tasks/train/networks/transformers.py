"""Any vision model of `transformers`, to be trained further."""

from __future__ import annotations

from typing import ClassVar, Literal

from tasks.model_folders.of_transformers import TransformersFolder
from tasks.train.finetuning.folder_network import FolderNetwork


class TransformersNetwork(TransformersFolder, FolderNetwork):
    """Needs the extra ``transformers``; a stage is one of its blocks, or of its stages where it has some."""

    name: Literal["transformers"] = "transformers"
    packages: ClassVar[tuple[str, ...]] = ("transformers",)
