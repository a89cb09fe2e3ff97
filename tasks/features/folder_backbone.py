"""Backbones of `transformers` and `timm`: frozen, their features the average of the last maps."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from tasks.features.backbones import Backbone
from tasks.model_folders import Colour, ModelFolder

if TYPE_CHECKING:
    import torch

    from tasks.model_folders.last_maps import LastMaps


class FolderBackbone(ModelFolder, Backbone):
    """A model of a folder, without its classifier; the folder must stand where its features are made."""

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

    def module(self) -> torch.nn.Sequential:
        """See `Backbone`."""
        from torch import nn

        return nn.Sequential(self._frozen(), nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())).eval()

    def _frozen(self) -> LastMaps:
        maps = self.loaded().eval()
        maps.requires_grad_(False)
        return maps
