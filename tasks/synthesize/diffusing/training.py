"""The training of a network of diffusion: step by step, to go on at any of them.

All chance comes from the seed and the number of the step, and nothing is carried from one step to the next but what a
checkpoint holds; so a fit that was killed and goes on ends with the same bits as one that was not.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tasks.closure import code_digest
from tasks.files import json_digest
from tasks.synthesize.diffusing.changing import NUMBERS, changed
from tasks.synthesize.diffusing.sampling import Sampler
from tasks.synthesize.diffusing.settings import Settings
from tasks.synthesize.generators import Examples, Wanted
from tasks.synthesize.journal import Journal, Moment
from tasks.train.finetuning.checkpoints import Checkpoint, facts
from tasks.train.finetuning.memory import keep_freed_memory
from tasks.train.finetuning.optimisers import Optimiser
from tasks.train.finetuning.rates import rate

DROPPED = 0.1  # share of the labels that are dropped, so that one network learns with and without a class
LONGEST = 1.0  # norm of a step's gradient, at most
WARM_UP = 0.02  # share of the steps in which the learning rate rises
TELLINGS = 200  # times that the loss is told over a fit
PICTURES = 8  # times that images are shown over a fit
TRIED = 3  # steps that are tried to tell how long all take; the first one warms up


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
        for number in range(1, len(losses) + 1):  # as if it had never been ended
            self._tell(number, losses)
        show = max(1, steps // PICTURES)
        for number in range(len(losses) + 1, steps + 1):
            losses.append(self._step(number - 1))
            self._tell(number, losses)
            if folder and (number == steps or time.monotonic() - written > self.journal.pause):
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
        """All that changes from step to step, by name; copies into them set the state."""
        parts = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "moment": self.optimiser.moments,
        }
        return {f"{part}.{name}": value for part, held in parts.items() for name, value in held.items()}

    @cached_property
    def key(self) -> str:
        """Tells this fit from every other: what it is made of, and with which code."""
        seen = hashlib.blake2b(np.ascontiguousarray(self.examples.pixels).tobytes()).hexdigest()
        return json_digest(
            {
                "settings": self.settings.model_dump(mode="json", exclude={"images", "sampling_steps", "guidance"}),
                "images": [seen, self.examples.labels.tolist(), len(self.examples.classes)],
                "seed": self.seed,
                "code": code_digest({type(one).__module__ for one in (self, self.settings, self.settings.network)}),
                "versions": {name: version(name) for name in ("torch", "numpy", "diffusers")},
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

    def _new(self) -> nn.Module:
        side = self.examples.pixels.shape[1]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            made = self.settings.network.build(side, self.channels, len(self.examples.classes), NUMBERS)
        return made.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

    def _step(self, step: int) -> float:
        """One step; returns its loss."""
        chance = np.random.default_rng((self.seed, step))
        number = self.settings.batch_size
        rows = np.searchsorted(self._drawn, chance.random(number), side="right").clip(max=len(self._drawn) - 1)
        images, changes = changed(self._images[rows], self.settings.changed, chance)
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
        length = torch.stack([one.norm() for one in gradients]).norm().item()
        if length > LONGEST:
            gradients = tuple(one * (LONGEST / length) for one in gradients)
        self.optimiser.step(
            gradients, self.settings.learning_rate * rate("cosine", step, self.steps, WARM_UP), step + 1
        )
        keep = min(self.settings.average, (1 + step) / (10 + step))
        with torch.no_grad():
            for kept, value in zip(self.average.parameters(), self.network.parameters(), strict=True):
                kept.lerp_(value, 1 - keep)
        return loss.item()

    def _tell(self, number: int, losses: list[float]) -> None:
        """Tell the mean loss since it was told before, now and then."""
        every = max(1, self.steps // TELLINGS)
        since = number % every or every
        if since == every or number == self.steps:
            self.journal.told(Moment(number, self.steps, {"loss": sum(losses[number - since : number]) / since}))

    def _show(self, step: int) -> None:
        """Let a person see what the network makes by now."""
        classes = np.unique(self.examples.labels)
        wanted = [Wanted(int(classes[place % len(classes)]), place) for place in range(16)]
        sampler = Sampler(self.settings, self.average.eval(), len(self.examples.classes), self._images.shape[1:])
        self.journal.shown(step, np.stack(list(sampler.sample(wanted))))


def seconds_a_step(settings: Settings, examples: Examples) -> float:
    """How long a step takes here, by a few that a network of no further use makes."""
    torch.set_num_threads(settings.threads)
    keep_freed_memory()
    trial = Training(settings.model_copy(update={"steps": TRIED}), examples, 0, Journal())
    took = []
    for step in range(TRIED):
        begun = time.monotonic()
        trial._step(step)
        took.append(time.monotonic() - begun)
    return min(took)
