"""The training of both networks: step by step, to go on at any of them.

All chance comes from the seed and the number of the step, and nothing is carried from one step to the next but what a
checkpoint holds; so a fit that was killed and goes on ends with the same bits as one that was not.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from tasks.closure import code_digest
from tasks.errors import InputError
from tasks.files import json_digest
from tasks.synthesize.adversarial.differentiable import changed, drawn
from tasks.synthesize.adversarial.networks import Judge, Maker
from tasks.synthesize.adversarial.sampling import Sampler
from tasks.synthesize.adversarial.settings import Settings
from tasks.synthesize.generators import Examples, Wanted
from tasks.synthesize.journal import Journal, Moment
from tasks.train.adamw import adamw_step
from tasks.train.finetuning.checkpoints import Checkpoint, facts
from tasks.train.finetuning.memory import keep_freed_memory
from tasks.train.finetuning.rates import rate

BETAS = (0.0, 0.99)  # of Adam: without momentum, which two networks that answer each other don't bear
HELD_EVERY = 16  # steps: how often the slope is held down, and so many times as strongly (Karras et al. 2020)
WARM_UP = 0.02  # share of the steps in which the learning rate rises
TELLINGS = 200  # times that losses are told over a fit
PICTURES = 8  # times that images are shown over a fit
CHECKPOINT_SECONDS = 30.0  # between two checkpoints, about; when one is written changes nothing but what is lost
LOSSES = ("discriminator", "generator")


@dataclass(frozen=True)
class Training:
    """One fit.

    Attributes
    ----------
    settings
        Say how; their `steps` are decided.
    examples
        What may be seen.
    seed
        Where all chance comes from.
    journal
        Where it keeps how far it is, and tells of it.
    """

    settings: Settings
    examples: Examples
    seed: int
    journal: Journal

    def run(self) -> Iterator[int]:
        """Train; gives the number of each step, from 1, once it is made. `average` is then the network to sample by."""
        torch.set_num_threads(self.settings.threads)
        keep_freed_memory()
        steps, folder = self.steps, self.journal.folder
        key = self.key if folder else ""
        found = Checkpoint.read(folder, key) if folder else None
        if found:
            held = self.tensors
            for name, value in found.tensors.items():
                held[name].copy_(value)
        losses, written = found.losses if found else [], time.monotonic()
        done = len(losses) // len(LOSSES)
        for number in range(1, done + 1):  # as if it had never been ended
            self._tell(number, losses)
        show = max(1, steps // PICTURES)
        for number in range(done + 1, steps + 1):
            losses.extend(self._step(number - 1))
            self._tell(number, losses)
            if folder and (number == steps or time.monotonic() - written > CHECKPOINT_SECONDS):
                Checkpoint(number, losses, self.tensors).write(folder, key)
                written = time.monotonic()
            if number % show == 0 and number < steps:
                self._show(number)
            yield number
        self.average.eval()

    @property
    def steps(self) -> int:
        """How many there are."""
        if self.settings.steps is None:
            raise ValueError("the number of steps is not decided; see Generator.planned")
        return self.settings.steps

    @property
    def done(self) -> int:
        """Steps that the fit has made before, if it was ended."""
        about = facts(self.journal.folder)
        return int(about["epoch"]) if about.get("key") == self.key else 0

    @property
    def channels(self) -> int:
        """Of the images: 1 where all are grey, so that new ones have no tint either."""
        pixels = self.examples.pixels
        return 1 if bool((pixels == pixels[..., :1]).all()) else 3

    @cached_property
    def maker(self) -> Maker:
        """The generator."""
        return self._networks[0]

    @cached_property
    def average(self) -> Maker:
        """The generator with the moving average of its weights."""
        return self._new()[0].requires_grad_(False)

    @cached_property
    def judge(self) -> Judge:
        """The discriminator."""
        return self._networks[1]

    @cached_property
    def _networks(self) -> tuple[Maker, Judge]:
        return self._new()

    @cached_property
    def moments(self) -> dict[str, Tensor]:
        """What Adam remembers of the gradients of both."""
        return {
            f"{part}.{one}.{name}": torch.zeros_like(value)
            for part, network in (("maker", self.maker), ("judge", self.judge))
            for name, value in network.named_parameters()
            for one in ("first", "second")
        }

    @property
    def tensors(self) -> dict[str, Tensor]:
        """All that changes from step to step, by name; copies into them set the state."""
        parts = {
            "maker": self.maker.state_dict(),
            "average": self.average.state_dict(),
            "judge": self.judge.state_dict(),
            "moment": self.moments,
        }
        return {f"{part}.{name}": value for part, held in parts.items() for name, value in held.items()}

    @cached_property
    def key(self) -> str:
        """Tells this fit from every other: what it is made of, and with which code."""
        seen = hashlib.blake2b(np.ascontiguousarray(self.examples.pixels).tobytes()).hexdigest()
        return json_digest(
            {
                "settings": self.settings.model_dump(mode="json", exclude={"images", "truncation"}),
                "images": [seen, self.examples.labels.tolist(), len(self.examples.classes)],
                "seed": self.seed,
                "code": code_digest({type(one).__module__ for one in (self, self.settings)}),
                "versions": {name: version(name) for name in ("torch", "numpy")},
            }
        )

    @cached_property
    def _images(self) -> NDArray[np.uint8]:
        """The examples with as many channels as are learnt."""
        return np.ascontiguousarray(self.examples.pixels[..., : self.channels])

    @cached_property
    def _drawn(self) -> NDArray[np.float64]:
        """How often each image is drawn: a class with the square root of its count (Kang et al. 2020)."""
        counts = np.bincount(self.examples.labels, minlength=len(self.examples.classes))
        shares: NDArray[np.float64] = 1 / np.sqrt(counts[self.examples.labels])
        return np.cumsum(shares / shares.sum())

    def _new(self) -> tuple[Maker, Judge]:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            maker, judge = networks(self.settings, self.channels, len(self.examples.classes))
        return maker.to(memory_format=torch.channels_last), judge.to(memory_format=torch.channels_last)

    def _step(self, step: int) -> tuple[float, float]:
        """One step; returns the losses of discriminator and generator."""
        chance = np.random.default_rng((self.seed, step))
        number = self.settings.batch_size
        rows = np.searchsorted(self._drawn, chance.random(number), side="right").clip(max=len(self._drawn) - 1)
        noise = torch.from_numpy(chance.standard_normal((number, self.settings.noise), dtype=np.float32))
        labels = torch.from_numpy(self.examples.labels[rows])
        real = torch.from_numpy(self._images[rows]).permute(0, 3, 1, 2).float() / 127.5 - 1
        changes = [torch.from_numpy(drawn(number, chance)) for _ in range(3)]
        with torch.autocast("cpu", torch.bfloat16, self.settings.precision == "bfloat16"):
            made = self.maker(noise, labels)
        made = made.float()

        seen = changed(real, self.settings.augment, changes[0])
        unlike = functional.softplus(-self._judged(seen, labels)).mean()
        like = functional.softplus(self._judged(changed(made.detach(), self.settings.augment, changes[1]), labels)).mean()
        judging = unlike + like
        held = HELD_EVERY * self._held(seen, labels) if self.settings.slope and step % HELD_EVERY == 0 else 0
        self._move("judge", self.judge, judging + held, self.settings.judge_rate, step)

        making = functional.softplus(-self._judged(changed(made, self.settings.augment, changes[2]), labels)).mean()
        self._move("maker", self.maker, making, self.settings.learning_rate, step)

        keep = min(self.settings.average, (1 + step) / (10 + step))
        with torch.no_grad():
            for kept, value in zip(self.average.parameters(), self.maker.parameters(), strict=True):
                kept.lerp_(value, 1 - keep)
        return judging.item(), making.item()

    def _judged(self, images: Tensor, labels: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, self.settings.precision == "bfloat16"):
            made: Tensor = self.judge(images, labels)
        return made.float()

    def _held(self, seen: Tensor, labels: Tensor) -> Tensor:
        """Half of gamma times the mean square of the judge's slope at examples: R1 (Mescheder et al. 2018)."""
        seen = seen.detach().requires_grad_()
        (slope,) = torch.autograd.grad(self.judge(seen, labels).sum(), seen, create_graph=True)
        return self.settings.slope / 2 * slope.square().sum((1, 2, 3)).mean()

    def _move(self, part: str, network: nn.Module, loss: Tensor, peak: float, step: int) -> None:
        """Move a network against the gradient of its loss."""
        named = dict(network.named_parameters())
        gradients: Sequence[Tensor] = torch.autograd.grad(loss, list(named.values()))
        now = peak * rate("cosine", step, self.steps, WARM_UP)
        with torch.no_grad():
            for (name, value), gradient in zip(named.items(), gradients, strict=True):
                moments = self.moments[f"{part}.first.{name}"], self.moments[f"{part}.second.{name}"]
                adamw_step(value, gradient, moments, now, 0.0, step + 1, BETAS)

    def _tell(self, number: int, losses: list[float]) -> None:
        """Tell the mean losses since they were told before, now and then."""
        every = max(1, self.steps // TELLINGS)
        since = number % every or every
        if since == every or number == self.steps:
            last = np.reshape(losses, (-1, len(LOSSES)))[number - since : number].mean(0)
            self.journal.told(Moment(number, self.steps, dict(zip(LOSSES, last.tolist(), strict=True))))

    def _show(self, step: int) -> None:
        """Let a person see what the generator makes by now."""
        classes = np.unique(self.examples.labels)
        wanted = [Wanted(int(classes[place % len(classes)]), place) for place in range(16)]
        self.journal.shown(step, np.stack(list(Sampler(self.settings, self.average.eval()).sample(wanted))))


def networks(settings: Settings, channels: int, classes: int) -> tuple[Maker, Judge]:
    """A new generator and discriminator, by torch's current state of chance."""
    side, patch, width = settings.image_size, settings.patch, settings.width
    return (
        Maker(side, patch, channels, width, settings.noise, classes),
        Judge(side, patch, channels, width, classes),
    )
