"""The loop: epochs of batches, a step each, with a checkpoint behind every epoch.

All chance comes from the seed and the number of the epoch or step, and nothing is carried from one epoch to the next
but what a checkpoint holds; so a fit that was killed and goes on ends with the same bits as one that was not.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tasks.closure import code_digest
from tasks.errors import InputError
from tasks.files import json_digest
from tasks.pretrain.methods import Method
from tasks.train.divergence import REMEDY, has_diverged
from tasks.train.finetuning.checkpoints import Checkpoint
from tasks.train.finetuning.memory import keep_freed_memory
from tasks.train.finetuning.optimisers import Optimiser
from tasks.train.finetuning.rates import rate
from tasks.train.finetuning.whole import Whole

READ = 256  # images that are read at a time to measure them
ORDER, CHANGE, DROP = range(3)  # streams of chance, so that none follows another
TRIED = 2  # steps that are tried to tell how long all take; the first one warms up


@dataclass(frozen=True)
class Pretraining:
    """One fit.

    Attributes
    ----------
    method
        Says how.
    pixels
        Decoded images, uint8, (N, s, s, 3).
    rows
        Which of them may be seen, shape (n,), n at least 2.
    folder
        Where the fit writes how far it is, and goes on from; None: nowhere.
    losses
        Mean loss an image of each epoch, as they come.
    """

    method: Method
    pixels: NDArray[np.uint8]
    rows: NDArray[np.int64]
    folder: Path | None = None
    losses: list[float] = field(default_factory=list)

    def run(self) -> Iterator[int]:
        """Train; gives the number of images of each step as it is made, and leaves `state`.

        Raises
        ------
        InputError
            The loss is no number any more.
        """
        torch.set_num_threads(1)
        torch.set_deterministic_debug_mode("error")  # the other switch for it imports the compiler, 2 s
        keep_freed_memory()
        key = self.key if self.folder else ""
        found = Checkpoint.read(self.folder, key) if self.folder else None
        if found:
            held = self.tensors
            for name, value in found.tensors.items():
                held[name].copy_(value)
            self.losses[:] = found.losses
        for epoch in range(found.epoch if found else 0, self.method.epochs):
            batches = self.batches(epoch)
            steps = self.method.epochs * len(batches)
            total = 0.0
            for number, rows in enumerate(batches):
                total += self._step(rows, epoch * len(batches) + number, steps)
                yield len(rows)
            self.losses.append(total / len(self.rows))
            if has_diverged(self.losses):
                raise InputError(f"pretrain: has diverged, the loss of epoch {epoch + 1} is no number; {REMEDY}")
            if self.folder:
                Checkpoint(epoch + 1, self.losses, self.tensors).write(self.folder, key)

    @property
    def state(self) -> dict[str, Tensor]:
        """Weights and counts of the stages, and the colours that they want, as `Whole` names them."""
        whole = self.whole.state_dict()
        return {name: value.contiguous().clone() for name, value in whole.items() if not name.startswith("scores.")}

    @cached_property
    def key(self) -> str:
        """Tells this fit from every other: what it is made of, and with which code."""
        digest = hashlib.blake2b()
        for part in self._parts():
            digest.update(np.ascontiguousarray(part).tobytes())
        return json_digest(
            {
                "method": self.method.model_dump(mode="json", exclude={"per_fold", "recipes"}),
                "images": [digest.hexdigest(), len(self.rows)],
                "code": code_digest({type(one).__module__ for one in (self, self.method, self.method.network)}),
                "versions": {name: version(name) for name in ("torch", "numpy", *self.method.network.packages)},
            }
        )

    @cached_property
    def shown(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and deviation of the RGB values, 0 to 255: the network's own, or those of the images."""
        if self.method.network.normalisation is not None:
            return self.method.network.normalisation
        sums, squares, number = np.zeros(3), np.zeros(3), 0
        for part in self._parts():
            values = part.reshape(-1, 3).astype(np.float64)
            sums, squares, number = sums + values.sum(axis=0), squares + (values**2).sum(axis=0), number + len(values)
        mean = sums / number
        return tuple(mean), tuple(np.sqrt(np.maximum(squares / number - mean**2, 1.0)))

    @cached_property
    def whole(self) -> Whole:
        """The network that is trained, with the projection in the classifier's place."""
        network = self.method.network
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.method.seed)
            made = Whole(network.stages(), self.method.projection(network.channels))
        mean, deviation = self.shown
        made.mean.copy_(torch.tensor(mean))
        made.deviation.copy_(torch.tensor(deviation))
        return made.laid_out(torch.channels_last)

    @cached_property
    def optimiser(self) -> Optimiser:
        """Knows every parameter that a map depends on."""
        trained = {name: one for name, one in self.whole.named_parameters() if one.requires_grad}
        return Optimiser.of("adamw", trained, dict.fromkeys(trained, 1.0), self.method.weight_decay)

    @property
    def tensors(self) -> dict[str, Tensor]:
        """All that changes from epoch to epoch, by name; copies into them set the state."""
        parts = {"network": self.whole.state_dict(), "moment": self.optimiser.moments}
        return {f"{part}.{name}": value for part, held in parts.items() for name, value in held.items()}

    def batches(self, epoch: int) -> list[NDArray[np.int64]]:
        """The rows of each step: every one once, as few steps as the batch size allows, of sizes as equal as can be."""
        order = np.random.default_rng((self.method.seed, epoch, ORDER)).permutation(self.rows)
        return np.array_split(order, -(-len(order) // self.method.batch_size))

    def _parts(self) -> Iterator[NDArray[np.uint8]]:
        """The images in their order, some at a time."""
        for start in range(0, len(self.rows), READ):
            yield self.pixels[self.rows[start : start + READ]]

    def _step(self, rows: NDArray[np.int64], step: int, steps: int) -> float:
        """One step; returns the sum of the images' losses."""
        method = self.method
        change, chance = (np.random.default_rng((method.seed, step, one)) for one in (CHANGE, DROP))
        images, all_of_them = np.asarray(self.pixels[rows]), np.ones(len(rows), dtype=np.bool_)
        views = np.concatenate([method.augment.changed(images, all_of_them, change) for _ in range(2)])
        shown = torch.from_numpy(views).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
        with torch.random.fork_rng(devices=[]), torch.autocast("cpu", torch.bfloat16, method.precision == "bfloat16"):
            torch.manual_seed(int(chance.integers(2**62)))  # for networks that drop units
            projected = self.whole(shown)
        one, other = projected.float().chunk(2)
        each = method.loss(one, other)
        gradients = torch.autograd.grad(each.mean(), list(self.optimiser.parameters.values()))
        share = rate("cosine", step, steps, method.warm_up)
        self.optimiser.step(gradients, share * method.learning_rate, step + 1)
        return each.detach().sum().item()


def seconds_a_step(method: Method, pixels: NDArray[np.uint8], rows: NDArray[np.int64]) -> float:
    """How long a full step takes here, by a few that a network of no further use makes."""
    torch.set_num_threads(1)
    trial = Pretraining(method, pixels, rows[: method.batch_size])
    took = []
    for number in range(TRIED):
        begun = time.monotonic()
        trial._step(trial.rows, number, TRIED)
        took.append(time.monotonic() - begun)
    return min(took)
