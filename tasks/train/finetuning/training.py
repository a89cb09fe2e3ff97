"""The loop: epochs of batches, a step each, with a checkpoint behind every epoch.

All chance of an epoch comes from the seed and the epoch's number, and nothing is carried from one to the next but what
a checkpoint holds; so a fit that was killed and goes on ends with the same bits as one that was not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from importlib.metadata import version

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tasks.closure import code_digest
from tasks.errors import InputError
from tasks.files import json_digest
from tasks.train.course import Course, Phase
from tasks.train.divergence import has_diverged
from tasks.train.families import Fit
from tasks.train.finetuning.augmentation import augmented_classes
from tasks.train.finetuning.checkpoints import Checkpoint
from tasks.train.finetuning.memory import keep_freed_memory
from tasks.train.finetuning.optimisers import Optimiser
from tasks.train.finetuning.rates import rate, stage_factors
from tasks.train.finetuning.settings import Settings
from tasks.train.finetuning.sharing import Sharing, sharing
from tasks.train.finetuning.whole import BIASES, Whole, new_network
from tasks.train.labels import Labels

READ = 256  # images that are read at a time to measure them
ORDER, MIX, CHANGE, DROP = range(4)  # streams of chance, so that none follows another


@dataclass(frozen=True)
class Seen:
    """What one pass over the training images tells.

    Attributes
    ----------
    mean, deviation
        Of the RGB values, 0 to 255, shape (3,).
    digest
        Of the pixels, in the order of the rows.
    """

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    digest: str


@dataclass(frozen=True)
class Training:
    """One fit, as `family` says."""

    family: Settings
    fit: Fit

    def run(self) -> Iterator[int]:
        """Train; gives the number of images of each step as it is made, and leaves `state`."""
        torch.set_num_threads(1)
        torch.set_deterministic_debug_mode(
            "error" if self.device.type == "cpu" else "warn"
        )  # the other switch for it imports the compiler, 2 s
        keep_freed_memory()
        if self.sharing.processes > 1 and len(self.fit.rows) < 2 * self.sharing.processes:
            raise InputError(f"processes: {self.sharing.processes} can't share out {len(self.fit.rows)} rows; write 1")
        folder, log, key = self.fit.folder, self.fit.log, self.key if self.fit.folder else ""
        found = Checkpoint.read(folder, key) if folder else None
        if found:
            held = self.tensors
            for name, value in found.tensors.items():
                held[name].copy_(value)
            for loss in found.losses:
                log.end_epoch(loss)
        for epoch in range(found.epoch if found else 0, self.family.epochs):
            total, step = 0.0, epoch * self.epoch_steps
            for phase, batches in self._batches(epoch):
                for rows in batches:
                    total += self._step(rows, step, phase)
                    step += 1
                    yield len(rows)
                self._move_biases(self.course.phase(step).start - phase.start)
            log.end_epoch(total / len(self.fit.rows))
            if has_diverged(log.losses):
                return
            self._share_counts()
            if folder and self.sharing.rank == 0:
                Checkpoint(epoch + 1, log.losses, self.tensors).write(folder, key)

    @property
    def state(self) -> dict[str, Tensor]:
        """The network's weights and counts, or their moving average."""
        whole = self.whole.state_dict()
        kept = {name: self.average.get(name, value) for name, value in whole.items()}
        return {name: value.cpu().contiguous().clone() for name, value in kept.items()}

    @cached_property
    def key(self) -> str:
        """Tells this fit from every other: what it is made of, and with which code."""
        rows, components = self.fit.rows, self.fit.components
        parts = {one.name: getattr(components, one.name) for one in fields(components)}
        made_by = [self, rows, self.family, self.family.network, *parts.values()]
        labels = b"".join(one.tobytes() for one in (rows.first, rows.second, rows.share))
        return json_digest(
            {
                "family": self.family.model_dump(mode="json"),
                "components": {name: one.model_dump(mode="json") for name, one in parts.items()},
                "seed": self.fit.seed,
                "classes": rows.classes,
                "begins": _digest(self.whole.state_dict()),
                "rows": [hashlib.sha256(labels).hexdigest(), self.seen.digest],
                "code": code_digest({type(one).__module__ for one in made_by}),
                "versions": {name: version(name) for name in ("torch", "numpy", *self.family.network.packages)},
            }
        )

    @cached_property
    def seen(self) -> Seen:
        """See `Seen`."""
        digest = hashlib.blake2b()
        sums, squares, pixels = np.zeros(3), np.zeros(3), 0
        for start in range(0, len(self.fit.rows), READ):
            images = self._images(np.arange(start, min(start + READ, len(self.fit.rows))))
            digest.update(images.tobytes())
            values = images.reshape(-1, 3).astype(np.float64)
            sums, squares, pixels = sums + values.sum(axis=0), squares + (values**2).sum(axis=0), pixels + len(values)
        mean = sums / pixels
        return Seen(mean, np.sqrt(np.maximum(squares / pixels - mean**2, 1.0)), digest.hexdigest())

    @cached_property
    def epoch_steps(self) -> int:
        """Steps of an epoch: as few as the batch size allows."""
        return -(-len(self.fit.rows) // self.family.batch_size)

    @cached_property
    def course(self) -> Course:
        """What is in effect when."""
        rows = self.fit.rows
        return Course(self.fit.components, rows, len(rows), self.family.epochs * self.epoch_steps)

    @cached_property
    def whole(self) -> Whole:
        """The network that is trained; those of its stages that are frozen stay as in evaluation."""
        shown = self.seen.mean, self.seen.deviation
        start = self.course.phase(0).start
        made = new_network(self.family.network, start, shown, self.fit.seed, self.family)
        if self.family.backbone != "none":
            made.begin_with(self.fit.inputs.weights(self.family.backbone, self.fit.fold))
        made.freeze(self.family.frozen)
        return made.laid_out(self.family.layout).to(self.device)

    @cached_property
    def sharing(self) -> Sharing:
        """What this process does of each batch."""
        return sharing()

    @cached_property
    def device(self) -> torch.device:
        """What computes (`InputError` where it isn't there)."""
        if self.family.device == "cpu":
            return torch.device("cpu")
        if not torch.cuda.is_available():
            raise InputError("device: cuda, but torch finds no GPU here; write device: cpu")
        return torch.device("cuda", self.sharing.rank % torch.cuda.device_count())

    @cached_property
    def optimiser(self) -> Optimiser:
        """Knows every parameter that is not frozen."""
        trained = {name: one for name, one in self.whole.named_parameters() if one.requires_grad}
        factors = stage_factors(self.whole.depth, self.family.frozen, self.family.layer_decay)
        stage_of = self.whole.stage_of
        own = {name: factors[stage_of[name]] if name in stage_of else 1.0 for name in trained}
        return Optimiser.of(self.family.optimiser, trained, own, self.family.weight_decay)

    @cached_property
    def average(self) -> dict[str, Tensor]:
        """The moving average of all that moves; empty where none is wanted."""
        moving = self.whole.state_dict() if self.family.ema else {}
        return {name: value.clone() for name, value in moving.items() if value.is_floating_point()}

    @property
    def tensors(self) -> dict[str, Tensor]:
        """All that changes from epoch to epoch, by name; copies into them set the state."""
        parts = {"network": self.whole.state_dict(), "moment": self.optimiser.moments, "average": self.average}
        return {f"{part}.{name}": value for part, held in parts.items() for name, value in held.items()}

    @cached_property
    def _labels(self) -> Labels:
        rows = self.fit.rows
        return Labels.of(rows.first, rows.second, rows.share)

    @cached_property
    def _changed(self) -> NDArray[np.bool_]:
        """Which rows are augmented."""
        rows = self.fit.rows
        self.family.require(rows.classes)
        codes = augmented_classes(self.family.augment_classes, self._class_counts, rows.classes)
        return np.isin(rows.first, sorted(codes))

    @property
    def _class_counts(self) -> NDArray[np.int64]:
        """Rows a class, by which it is among the rare ones or not, shape (K,)."""
        rows = self.fit.rows
        return np.bincount(rows.first, minlength=len(rows.classes))

    def _images(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        ids = self.fit.rows.ids
        wanted = self.fit.inputs.take([ids[row] for row in rows])
        return wanted.images(self.family.image_size, self.family.resize)

    def _batches(self, epoch: int) -> Iterator[tuple[Phase, list[NDArray[np.int64]]]]:
        """The rows of each step of an epoch, a phase at a time: where one begins in the midst, it draws its own.

        Batches are of sizes as equal as can be: a last one of a row or two would disturb the batch norms.
        """
        order = np.random.default_rng((self.fit.seed, epoch, ORDER))
        done = 0
        while done < self.epoch_steps:
            phase = self.course.phase(epoch * self.epoch_steps + done)
            batches = np.array_split(phase.epoch(order), self.epoch_steps)[done:][: phase.steps]
            yield phase, batches
            done += len(batches)

    def _step(self, rows: NDArray[np.int64], step: int, phase: Phase) -> float:
        """One step; returns the sum of the images' losses."""
        family = self.family
        change, mix, chance = (np.random.default_rng((self.fit.seed, step, one)) for one in (CHANGE, MIX, DROP))
        wanted = self._changed[rows]
        images = torch.from_numpy(family.augment.changed(self._images(rows), wanted, change)).permute(0, 3, 1, 2)
        labels = self._labels.take(torch.from_numpy(rows))
        mixed, theirs = phase.mix(images.contiguous(), labels, mix)
        own, is_half = self.sharing.part(len(rows)), family.precision == "bfloat16"
        with torch.random.fork_rng(devices=[]), torch.autocast(self.device.type, torch.bfloat16, is_half):
            torch.manual_seed(int(chance.integers(2**62)) + self.sharing.rank)  # for networks that drop units
            logits = self.whole(mixed[own].contiguous(memory_format=family.layout).to(self.device))
        each = phase.loss(theirs.take(torch.arange(len(rows))[own]), logits.float().cpu())
        made = torch.autograd.grad(each.sum() / len(rows), list(self.optimiser.parameters.values()))
        *gradients, total = self.sharing.added_up([*made, each.detach().sum().to(self.device)])
        share = rate(family.learning_rate_schedule, step, self.course.steps, family.warm_up)
        self.optimiser.step(gradients, share * family.learning_rate, step + 1)
        self._follow(step)
        return total.item()

    def _share_counts(self) -> None:
        """Give the batch norms of all processes the mean of what each has counted."""
        counts = [one for one in self.whole.stages.buffers() if one.is_floating_point()]
        if self.sharing.processes > 1 and counts:
            for one, summed in zip(counts, self.sharing.added_up(counts), strict=True):
                one.copy_(summed / self.sharing.processes)

    def _move_biases(self, change: NDArray[np.float64]) -> None:
        """Move the classifier's biases by what the next phase asks of them more: few late steps would not."""
        for held in (self.whole.state_dict(), self.average):
            if BIASES in held:
                held[BIASES].add_(torch.from_numpy(change).to(self.device))

    def _follow(self, step: int) -> None:
        """Move the average, faster in the first steps, in which it would remember the start."""
        keep = min(self.family.ema, (1 + step) / (10 + step))
        state = self.whole.state_dict() if self.average else {}
        for name, value in self.average.items():
            value.lerp_(state[name], 1 - keep)


def _digest(tensors: Mapping[str, Tensor]) -> str:
    """Of the numbers, in the order of their names' places."""
    digest = hashlib.blake2b()
    for value in tensors.values():
        digest.update(value.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
