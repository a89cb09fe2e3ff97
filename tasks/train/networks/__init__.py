"""Networks that the family `finetune` trains as a whole. A new one is one new file here.

A network is cut into stages, from the image to the last maps that still have places; pooling and the classifier behind
them are the family's. So stages can be frozen, or learn more slowly than what follows, whatever the network is.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from tasks.model_folders import Colour
from tasks.registry import Component

if TYPE_CHECKING:
    from torch import nn

    from tasks.model_folders.last_maps import LastMaps


class Network(Component):
    """A network without its classifier.

    Attributes
    ----------
    is_pretrained
        Whether `stages` can begin with weights that were learnt elsewhere.
    packages
        Distributions that it needs, beside those of the family.
    smallest
        Pixels a side that an image needs at least, so that the last maps have more than one place.
    """

    kind: ClassVar[str] = "network"
    is_pretrained: ClassVar[bool] = False
    packages: ClassVar[tuple[str, ...]] = ()
    smallest: ClassVar[int] = 8

    @property
    @abstractmethod
    def channels(self) -> int:
        """Number of the last maps, c."""

    @property
    @abstractmethod
    def depth_in_stages(self) -> int | None:
        """Number of stages, at least 1; None where that is known once it is built."""

    @abstractmethod
    def stages(self) -> nn.Sequential | LastMaps:
        """The stages: normalised images, float32 (b, 3, s, s), to maps, (b, c, y, x).

        Weights that start by chance take it from torch's global generator, which the caller has seeded.
        """

    @property
    def described(self) -> Mapping[str, Any]:
        """What `rebuilt` needs beside the settings, as JSON can hold it; it is saved with a fitted network."""
        return {}

    @abstractmethod
    def rebuilt(self, described: Mapping[str, Any]) -> nn.Sequential | LastMaps:
        """The stages with any weights, in whose place others are put; nothing but `described` is looked at."""

    @property
    def normalisation(self) -> tuple[Colour, Colour] | None:
        """Mean and deviation of the RGB values, 0 to 255, of its pretraining; None: those of the training images."""
        return None
