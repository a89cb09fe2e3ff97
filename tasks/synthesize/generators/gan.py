"""A class-conditional GAN for few images, trained from scratch: no download, and no image seen but the fold's own.

One network makes images and another judges them (see `tasks.synthesize.adversarial`), all classes together, so that the
rare ones borrow from the common. An image is made in one pass, from noise and its class.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from tasks.synthesize.adversarial.settings import Settings
from tasks.synthesize.generators import Examples, FittedGenerator, Synthetic, Wanted
from tasks.synthesize.journal import ALONE, Journal


class Gan(Settings):
    """Two networks that learn from each other."""

    name: Literal["gan"] = "gan"

    @property
    def multiplications(self) -> float:
        """See `FromScratch`."""
        from tasks.synthesize.adversarial.effort import multiplications

        return multiplications(self)

    def fit(self, examples: Examples, seed: int, journal: Journal = ALONE) -> FittedGan:
        """See `Generator`."""
        from tasks.synthesize.adversarial.training import Training

        training = Training(self, examples, seed, journal)
        return FittedGan(self, training.finished())


@dataclass(frozen=True)
class FittedGan(FittedGenerator):
    """A trained generator.

    Attributes
    ----------
    settings
        The generator's.
    model
        The network, with the moving average of its weights.
    """

    settings: Gan
    model: Any

    @cached_property
    def digest(self) -> str:
        """See `FittedGenerator`."""
        from tasks.synthesize.fitting import digest

        return digest(self.model)

    def sample(self, wanted: Iterable[Wanted]) -> Iterator[Synthetic]:
        """See `FittedGenerator`; every image from noise of its own."""
        import torch

        from tasks.synthesize.adversarial.sampling import Sampler

        torch.set_num_threads(self.settings.threads)
        yield from map(Synthetic, Sampler(self.settings, self.model).sample(wanted))
