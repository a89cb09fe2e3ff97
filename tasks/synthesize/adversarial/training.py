"""The training of both networks, which take turns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from tasks.synthesize.adversarial.differentiable import changed, drawn
from tasks.synthesize.adversarial.networks import Judge, Maker
from tasks.synthesize.adversarial.sampling import Sampler
from tasks.synthesize.adversarial.settings import Settings
from tasks.synthesize.fitting import Fitting, follow
from tasks.synthesize.generators import Wanted
from tasks.train.adamw import adamw_step

BETAS = (0.0, 0.99)  # of Adam: no memory of directions, since the other network changes where they lead
HELD_EVERY = 16  # steps: how often the slope is held down, and so many times as strongly (Karras et al. 2020)
WARM_UP = 100  # steps in which the learning rates rise
FALLING = 0.5  # share of the steps, the last ones, in which they fall to nothing along a line


@dataclass(frozen=True)
class Training(Fitting[Settings]):
    """One fit."""

    losses = ("discriminator", "generator")
    of_images = ("truncation",)

    @cached_property
    def networks(self) -> tuple[Maker, Judge]:
        """What is trained: the generator and the discriminator."""
        return self._new()

    @cached_property
    def average(self) -> Maker:
        """The generator with the moving average of its weights."""
        return self._new()[0].requires_grad_(False)

    @cached_property
    def moments(self) -> tuple[dict[str, Tensor], ...]:
        """What Adam remembers of each network's gradients."""
        return tuple(
            {
                f"{one}.{name}": torch.zeros_like(value)
                for one in ("first", "second")
                for name, value in network.named_parameters()
            }
            for network in self.networks
        )

    @property
    def tensors(self) -> dict[str, Tensor]:
        """See `Fitting`."""
        maker, judge = self.networks
        parts = {
            "maker": maker.state_dict(),
            "average": self.average.state_dict(),
            "judge": judge.state_dict(),
            "maker.moment": self.moments[0],
            "judge.moment": self.moments[1],
        }
        return {f"{part}.{name}": value for part, held in parts.items() for name, value in held.items()}

    def _new(self) -> tuple[Maker, Judge]:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            maker, judge = networks(self.settings, self.channels, len(self.examples.classes))
        laid_out = torch.channels_last
        return maker.to(memory_format=laid_out), judge.to(memory_format=laid_out)  # type: ignore[call-overload]

    def _step(self, step: int) -> tuple[float, ...]:
        """See `Fitting`."""
        maker, judge = self.networks
        chance = np.random.default_rng((self.seed, step))
        number, policy = self.settings.batch_size, self.settings.augment
        rows = self.examples.drawn(number, chance)
        rows = rows[np.argsort(self.examples.labels[rows], kind="stable")]
        noise = torch.from_numpy(chance.standard_normal((number, self.settings.noise), dtype=np.float32))
        changes = [torch.from_numpy(drawn(number, chance)) for _ in range(3)]
        labels = torch.from_numpy(self.examples.labels[rows])
        examples = changed(_centred(self.images[rows]), policy, changes[0])
        with torch.autocast("cpu", torch.bfloat16, self.settings.precision == "bfloat16"):
            made = maker(noise, labels).float()
            known = judge(examples, labels)
            taken = judge(changed(made.detach(), policy, changes[1]), labels)
        judging = functional.softplus(-known).mean() + functional.softplus(taken).mean()
        held = self._held(examples, labels) if self.settings.slope and step % HELD_EVERY == 0 else 0.0
        self._move(judge, self.moments[1], judging + held, self.settings.judge_rate, step)
        with torch.autocast("cpu", torch.bfloat16, self.settings.precision == "bfloat16"):
            taken = judge(changed(made, policy, changes[2]), labels)
        making = functional.softplus(-taken).mean()
        self._move(maker, self.moments[0], making, self.settings.learning_rate, step)
        follow(self.average, maker, self.settings.average, step)
        return judging.item(), making.item()

    def _held(self, examples: Tensor, labels: Tensor) -> Tensor:
        """R1 (Mescheder et al. 2018): half of gamma times the mean square of the discriminator's slope at examples."""
        examples = examples.detach().requires_grad_()
        (slope,) = torch.autograd.grad(self.networks[1](examples, labels).sum(), examples, create_graph=True)
        return HELD_EVERY * self.settings.slope / 2 * slope.square().sum((1, 2, 3)).mean()

    def _move(self, network: nn.Module, moments: dict[str, Tensor], loss: Tensor, peak: float, step: int) -> None:
        """Move a network against the gradient of its loss."""
        named = dict(network.named_parameters())
        gradients = torch.autograd.grad(loss, list(named.values()))
        now = peak * min(1.0, (step + 1) / WARM_UP, (self.steps - step) / (FALLING * self.steps))
        with torch.no_grad():
            for (name, value), gradient in zip(named.items(), gradients, strict=True):
                own = moments[f"first.{name}"], moments[f"second.{name}"]
                adamw_step(value, gradient, own, now, 0.0, step + 1, BETAS)

    def _made(self, wanted: list[Wanted]) -> Iterator[NDArray[np.uint8]]:
        """See `Fitting`."""
        return Sampler(self.settings, self.average).sample(wanted)


def networks(settings: Settings, channels: int, classes: int) -> tuple[Maker, Judge]:
    """A new generator and discriminator, by torch's current state of chance."""
    side, patch, width = settings.image_size, settings.patch, settings.width
    maker = Maker(side, patch, channels, width, settings.noise, classes)
    return maker, Judge(side, patch, channels, width, classes)


def _centred(pixels: NDArray[np.uint8]) -> Tensor:
    """Images (n, side, side, c) as (n, c, side, side), -1 to 1."""
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
