"""Networks of `transformers` and `timm`, which begin with the weights of a folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from tasks.model_folders import ModelFolder
from tasks.train.networks import Network

if TYPE_CHECKING:
    from tasks.model_folders.last_maps import LastMaps


class FolderNetwork(ModelFolder, Network):
    """A model of a folder, which is needed for training only: what it is built by is saved with the fitted network."""

    is_pretrained: ClassVar[bool] = True

    @property
    def depth_in_stages(self) -> None:
        """As many as it has blocks, or stages of blocks: known once it is built."""
        return None

    def stages(self) -> LastMaps:
        """See `Network`."""
        return self.loaded()

    def rebuilt(self, described: Mapping[str, Any]) -> LastMaps:
        """See `Network`."""
        return self.built(dict(described))
