"""Images from noise, in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tasks.synthesize.adversarial.networks import Maker
from tasks.synthesize.adversarial.settings import Settings
from tasks.synthesize.batches import in_batches
from tasks.synthesize.generators import Wanted

STYLES = 1024  # of which the mean style of a class is taken


@dataclass(frozen=True)
class Sampler:
    """Makes images.

    Attributes
    ----------
    settings
        Say how long the noise is, and how far from the mean styles may be.
    maker
        The generator.
    """

    settings: Settings
    maker: Maker

    def sample(self, wanted: Iterable[Wanted]) -> Iterator[NDArray[np.uint8]]:
        """Images, uint8, (side, side, 3), one an entry, each from noise of its own."""
        return in_batches(wanted, self._made)

    @torch.inference_mode()
    def _made(self, batch: list[Wanted]) -> Tensor:
        noise = [torch.randn(self.settings.noise, generator=torch.Generator().manual_seed(one.seed)) for one in batch]
        labels = torch.tensor([one.label for one in batch])
        with torch.autocast("cpu", torch.bfloat16, self.settings.precision == "bfloat16"):
            style = self.maker.style(torch.stack(noise), labels)
            if self.settings.truncation < 1:
                style = torch.lerp(self._means[labels], style.float(), self.settings.truncation)
            return self.maker.draw(style).float()

    @cached_property
    def _means(self) -> Tensor:
        """The mean style of each class."""
        noise = torch.randn((STYLES, self.settings.noise), generator=torch.Generator().manual_seed(0))
        classes = range(len(self.maker.named))
        means = [self.maker.style(noise, torch.full((STYLES,), one)).float().mean(0) for one in classes]
        return torch.stack(means)
