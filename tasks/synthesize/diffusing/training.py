"""The training of a network of diffusion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tasks.synthesize.diffusing.changing import NUMBERS, changed
from tasks.synthesize.diffusing.sampling import Sampler
from tasks.synthesize.diffusing.settings import Settings
from tasks.synthesize.fitting import Fitting, bounded, follow
from tasks.synthesize.generators import Wanted
from tasks.train.finetuning.optimisers import Optimiser
from tasks.train.finetuning.rates import rate

DROPPED = 0.1  # share of the labels that are dropped, so that one network learns with and without a class
WARM_UP = 0.02  # share of the steps in which the learning rate rises


@dataclass(frozen=True)
class Training(Fitting[Settings]):
    """One fit."""

    of_images = ("sampling_steps", "guidance")
    versions = ("torch", "numpy", "diffusers")

    @cached_property
    def network(self) -> nn.Module:
        """What is trained."""
        return self._new()

    @cached_property
    def average(self) -> nn.Module:
        """The same with the moving average of the weights."""
        return self._new().requires_grad_(False)

    @cached_property
    def optimiser(self) -> Optimiser:
        """Knows every parameter."""
        trained = dict(self.network.named_parameters())
        return Optimiser.of("adamw", trained, dict.fromkeys(trained, 1.0), self.settings.weight_decay)

    @property
    def tensors(self) -> dict[str, Tensor]:
        """See `Fitting`."""
        parts = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "moment": self.optimiser.moments,
        }
        return {f"{part}.{name}": value for part, held in parts.items() for name, value in held.items()}

    def _new(self) -> nn.Module:
        side = self.examples.pixels.shape[1]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            made = self.settings.network.build(side, self.channels, len(self.examples.classes), NUMBERS)
        return made.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

    def _step(self, step: int) -> tuple[float, ...]:
        """See `Fitting`."""
        chance = np.random.default_rng((self.seed, step))
        number = self.settings.batch_size
        rows = self.examples.drawn(number, chance)
        images, changes = changed(self.images[rows], self.settings.changed, chance)
        labels = np.where(chance.random(number) < DROPPED, len(self.examples.classes), self.examples.labels[rows])
        shares = 1 / (1 + np.exp(-chance.standard_normal(number, dtype=np.float32)))
        noise = torch.from_numpy(chance.standard_normal((number, *images.shape[1:]), dtype=np.float32))
        clean = torch.from_numpy(images).float() / 127.5 - 1
        noise, clean = (values.permute(0, 3, 1, 2) for values in (noise, clean))
        share = torch.from_numpy(shares)
        mixed = torch.lerp(clean, noise, share[:, None, None, None])
        with torch.autocast("cpu", torch.bfloat16, self.settings.precision == "bfloat16"):
            found = self.network(mixed, share, torch.from_numpy(labels), torch.from_numpy(changes))
        loss = torch.nn.functional.mse_loss(found.float(), noise - clean)
        gradients = torch.autograd.grad(loss, list(self.optimiser.parameters.values()))
        self.optimiser.step(
            bounded(gradients), self.settings.learning_rate * rate("cosine", step, self.steps, WARM_UP), step + 1
        )
        follow(self.average, self.network, self.settings.average, step)
        return (loss.item(),)

    def _made(self, wanted: list[Wanted]) -> Iterator[NDArray[np.uint8]]:
        """See `Fitting`."""
        return Sampler(self.settings, self.average, len(self.examples.classes), self.images.shape[1:]).sample(wanted)
