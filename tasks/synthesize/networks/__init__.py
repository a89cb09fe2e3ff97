"""Networks that learn to take noise from images. A new one is one new file here.

Such a network is shown an image that is part noise, how much of it is noise, the class, and how the image was changed
before; it says which way the noise lies. Steps, schedules and files are the business of `tasks.synthesize.diffusing`.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from tasks.registry import Component

if TYPE_CHECKING:
    from torch import nn


class Denoiser(Component):
    """A network and its settings.

    Attributes
    ----------
    multiple
        Of what number the image's side has to be a multiple.
    """

    kind: ClassVar[str] = "denoiser"

    @property
    @abstractmethod
    def multiple(self) -> int:
        """See the class."""

    @abstractmethod
    def build(self, side: int, channels: int, classes: int, changes: int) -> nn.Module:
        """A new network, by torch's current state of chance.

        Parameters
        ----------
        side, channels
            Of the images: (n, channels, side, side), float32, about -1 to 1.
        classes
            Number of classes K; K itself stands for no class named.
        changes
            How many numbers say how an image was changed; all 0: not at all.

        Returns
        -------
        torch.nn.Module
            Of images, shares of noise (n,), 0 to 1, classes (n,), int64, and changes (n, `changes`) it makes
            the direction from the image to the noise, of the images' shape.
        """
