"""A network that learns step by step from one fold's examples, to go on at any step where it was ended.

All chance comes from the seed and the number of the step, and nothing is carried from one step to the next but what a
checkpoint holds; so a fit that was killed and goes on ends with the same bits as one that was not.
"""

from __future__ import annotations

import hashlib
import time
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import ClassVar, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tasks.closure import code_digest
from tasks.errors import InputError
from tasks.files import json_digest
from tasks.progress import Progress
from tasks.synthesize.generators import Examples, Wanted
from tasks.synthesize.journal import Journal, Moment
from tasks.synthesize.scratch import FromScratch
from tasks.train.finetuning.checkpoints import Checkpoint, facts
from tasks.train.finetuning.memory import keep_freed_memory

TELLINGS = 200  # times that losses are told over a fit
PICTURES = 8  # times that images are shown over a fit
SHOWN = 16  # images each time
LONGEST = 1.0  # norm of a step's gradient, at most, where it is bounded

S = TypeVar("S", bound=FromScratch)


@dataclass(frozen=True)
class Fitting(ABC, Generic[S]):
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

    settings: S
    examples: Examples
    seed: int
    journal: Journal

    losses: ClassVar[tuple[str, ...]] = ("loss",)  # their names
    of_images: ClassVar[Collection[str]] = ()  # settings that decide how images are made, and not how it is fitted
    versions: ClassVar[Collection[str]] = ("torch", "numpy")  # packages whose versions decide what is fitted

    @property
    @abstractmethod
    def average(self) -> nn.Module:
        """What images are made by: the moving average of the weights."""

    @property
    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """All that changes from step to step, by name; copies into them set the state."""

    @abstractmethod
    def _step(self, step: int) -> tuple[float, ...]:
        """Make a step, numbered from 0; returns its losses."""

    @abstractmethod
    def _made(self, wanted: list[Wanted]) -> Iterator[NDArray[np.uint8]]:
        """Images as the average makes them by now: (side, side, 3) each."""

    def run(self) -> Iterator[int]:
        """Train; gives the number of each step, from 1, once it is made. `average` is then the network to sample by.

        Raises
        ------
        InputError
            A loss is no longer a number: the weights have grown out of bounds.
        """
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
        done = len(losses) // len(self.losses)
        for number in range(1, done + 1):  # as if it had never been ended
            tell(self.journal, number, steps, losses, self.losses)
        show = max(1, steps // PICTURES)
        for number in range(done + 1, steps + 1):
            made = self._step(number - 1)
            if not np.isfinite(made).all():
                raise InputError(
                    f"{self.examples.where}: after {number} of {steps} steps the loss is no longer a number; write a "
                    f"smaller learning rate at the generator {self.settings.name!r}"
                )
            losses.extend(made)
            tell(self.journal, number, steps, losses, self.losses)
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
        return int(about["epoch"]) if about and about.get("key") == self.key else 0

    def finished(self) -> nn.Module:
        """Train to the end, telling how far it is; gives what images are made by."""
        for _ in Progress(self.run(), f"steps of {self.examples.where}", self.steps - self.done):
            pass
        return self.average

    @property
    def channels(self) -> int:
        """Of the images: 1 where all are grey, so that new ones have no tint either."""
        pixels = self.examples.pixels
        return 1 if bool((pixels == pixels[..., :1]).all()) else 3

    @cached_property
    def key(self) -> str:
        """Tells this fit from every other: what it is made of, and with which code."""
        seen = hashlib.blake2b(np.ascontiguousarray(self.examples.pixels).tobytes()).hexdigest()
        return json_digest(
            {
                "settings": self.settings.model_dump(mode="json", exclude={"images", *self.of_images}),
                "images": [seen, self.examples.labels.tolist(), len(self.examples.classes)],
                "seed": self.seed,
                "code": code_digest(type(one).__module__ for one in (self, self.settings, *self.settings.components)),
                "versions": {name: version(name) for name in self.versions},
            }
        )

    @cached_property
    def images(self) -> NDArray[np.uint8]:
        """The examples with as many channels as are learnt: (n, side, side, c)."""
        return np.ascontiguousarray(self.examples.pixels[..., : self.channels])

    def _show(self, step: int) -> None:
        """Let a person see what the network makes by now."""
        classes = np.unique(self.examples.labels)
        wanted = [Wanted(int(classes[place % len(classes)]), place) for place in range(SHOWN)]
        self.average.eval()
        self.journal.shown(step, np.stack(list(self._made(wanted))))


def bounded(gradients: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Gradients whose norm, that of all together, is at most `LONGEST`."""
    length = torch.stack([one.norm() for one in gradients]).norm().item()
    return tuple(one * (LONGEST / length) for one in gradients) if length > LONGEST else tuple(gradients)


def tell(journal: Journal, number: int, steps: int, losses: Sequence[float], names: Sequence[str]) -> None:
    """Tell the mean of each loss since it was told before, now and then.

    Parameters
    ----------
    journal
        Takes it.
    number, steps
        The number of the step, from 1, and how many there are.
    losses
        Of all steps so far, those of a step beside one another.
    names
        Of the losses of a step.
    """
    every = max(1, steps // TELLINGS)
    since = number % every or every
    if since == every or number == steps:
        kinds = len(names)
        means = {
            name: sum(losses[(number - since) * kinds + place : number * kinds : kinds]) / since
            for place, name in enumerate(names)
        }
        journal.told(Moment(number, steps, means))


def follow(average: nn.Module, network: nn.Module, decay: float, step: int) -> None:
    """Move an average of weights towards a network's, faster at first."""
    keep = min(decay, (1 + step) / (10 + step))
    with torch.no_grad():
        for kept, value in zip(average.parameters(), network.parameters(), strict=True):
            kept.lerp_(value, 1 - keep)


def digest(network: nn.Module) -> str:
    """A hash of all that a network has learnt."""
    made = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        made.update(name.encode() + value.contiguous().numpy().tobytes())
    return made.hexdigest()
