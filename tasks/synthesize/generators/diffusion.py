"""A class-conditional diffusion model, trained from scratch: no download, and no image seen but the fold's own.

The network learns to take noise from images (see `tasks.synthesize.diffusing`), all classes together, so that the rare
ones borrow from the common. One tenth of the labels are dropped while it learns, so that images can be guided towards
their class, and the moving average of its weights makes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from tasks.synthesize.diffusing.settings import Settings
from tasks.synthesize.generators import Examples, FittedGenerator, Synthetic, Wanted
from tasks.synthesize.journal import ALONE, Journal


class Diffusion(Settings):
    """Flow matching, with guidance towards the class."""

    name: Literal["diffusion"] = "diffusion"

    @property
    def multiplications(self) -> float:
        """See `FromScratch`."""
        from tasks.synthesize.diffusing.effort import multiplications

        return multiplications(self)

    def fit(self, examples: Examples, seed: int, journal: Journal = ALONE) -> FittedDiffusion:
        """See `Generator`."""
        from tasks.synthesize.diffusing.training import Training

        training = Training(self, examples, seed, journal)
        shape = (*examples.pixels.shape[1:3], training.channels)
        return FittedDiffusion(self, training.finished(), len(examples.classes), shape)


@dataclass(frozen=True)
class FittedDiffusion(FittedGenerator):
    """A trained network.

    Attributes
    ----------
    settings
        The generator's.
    model
        The network, with the moving average of its weights.
    no_class
        What stands for "no class named".
    shape
        Of an image: height, width, channels (1 where all examples are grey).
    """

    settings: Diffusion
    model: Any
    no_class: int
    shape: tuple[int, ...]

    @cached_property
    def digest(self) -> str:
        """See `FittedGenerator`."""
        from tasks.synthesize.fitting import digest

        return digest(self.model)

    def sample(self, wanted: Iterable[Wanted]) -> Iterator[Synthetic]:
        """See `FittedGenerator`; every image from noise of its own."""
        import torch

        from tasks.synthesize.diffusing.sampling import Sampler

        torch.set_num_threads(self.settings.threads)
        yield from map(Synthetic, Sampler(self.settings, self.model, self.no_class, self.shape).sample(wanted))
