"""Backbones of `transformers` and `timm`: frozen, their features the average of the last maps."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from tasks.features import FOLDS
from tasks.features.backbones import Backbone
from tasks.model_folders import Colour, ModelFolder
from tasks.model_folders.files import digest_of, files_of

if TYPE_CHECKING:
    import torch

    from tasks.model_folders.last_maps import LastMaps


OWN = "backbone"  # the folder, in that of a model, with what its features are made by


class FolderBackbone(ModelFolder, Backbone):
    """A model of a folder, without its classifier."""

    packages: ClassVar[tuple[str, ...]] = ("safetensors",)

    @property
    def mean(self) -> Colour:
        """As the model's own configuration says."""
        return self.normalisation[0]

    @property
    def deviation(self) -> Colour:
        """As the model's own configuration says."""
        return self.normalisation[1]

    @property
    def dimensions(self) -> int:
        """See `Backbone`."""
        return self.channels

    def load(self) -> Callable[[torch.Tensor], torch.Tensor]:
        """See `Backbone`."""
        maps = self._frozen()

        def features(images: torch.Tensor) -> torch.Tensor:
            made: torch.Tensor = maps(images).mean((2, 3))
            return made

        return features

    def save(self, folder: Path, fold: int | None) -> None:
        """See `Backbone`; a model of all training rows gets its own copy, which those of the folds use as well."""
        source, own = self.place(), folder / OWN
        if fold is None and source.resolve() != own.resolve():
            own.mkdir()
            for file in files_of(source):
                shutil.copyfile(file, own / file.name)

    def kept_in(self, folder: Path) -> FolderBackbone:
        """See `Backbone`."""
        own = (folder.parent.parent if folder.parent.name == FOLDS else folder) / OWN
        if not own.is_dir():
            return self
        place = {"folder": str(own), "digest": self.digest or digest_of(own), "hub": "", "revision": ""}
        return self.model_copy(update=place)

    def module(self) -> torch.nn.Sequential:
        """See `Backbone`."""
        from torch import nn

        return nn.Sequential(self._frozen(), nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())).eval()

    def _frozen(self) -> LastMaps:
        maps = self.loaded().eval()
        maps.requires_grad_(False)
        return maps
