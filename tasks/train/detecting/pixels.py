"""A small convolutional autoencoder: what of an image can't be put together again from few numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tasks.closure import code_digest
from tasks.files import json_digest
from tasks.train.adamw import AdamW
from tasks.train.divergence import has_diverged
from tasks.train.finetuning.checkpoints import Checkpoint
from tasks.train.layers import channels_last

if TYPE_CHECKING:
    from tasks.train.detecting.settings import Settings
    from tasks.train.detecting.shown import Shown
    from tasks.train.families import Log

BATCH = 16  # images a forward pass; short batches are padded, since last bits may follow the size of a batch
READ = 256  # images that are read at a time to measure them
CELL = 8  # pixels a side of what a code stands for


class Network(nn.Module):
    """Three halvings of the sides to a code of few numbers a place, and three doublings back.

    Parameters
    ----------
    width
        Channels of the first layer.
    code
        Channels of the code.
    """

    def __init__(self, width: int, code: int) -> None:
        super().__init__()
        wide = 2 * width
        self.encoder = nn.Sequential(
            *_layer(3, width, 2), *_layer(width, wide, 2), *_layer(wide, wide, 2), nn.Conv2d(wide, code, 1)
        )
        self.decoder = nn.Sequential(
            nn.Conv2d(code, wide, 1),
            *_doubled(wide, wide),
            *_doubled(wide, width),
            nn.Conv2d(width, 12, 3, padding=1),
            nn.PixelShuffle(2),  # the last doubling, where a convolution would cost the most
        )

    def forward(self, images: Tensor) -> Tensor:
        """Standardised images, (n, 3, s, s), as they can be put together again."""
        made: Tensor = self.decoder(self.encoder(images))
        return made


def _layer(channels: int, made: int, stride: int) -> list[nn.Module]:
    return [nn.Conv2d(channels, made, 3, stride, padding=1), nn.ReLU()]


def _doubled(channels: int, made: int) -> list[nn.Module]:
    return [nn.Upsample(scale_factor=2), *_layer(channels, made, 1)]


def new_network(width: int, code: int, seed: int) -> Network:
    """A network as training begins with it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return channels_last(Network(width, code))


def fitted_network(width: int, code: int, state: Mapping[str, Tensor]) -> Network:
    """A network with the weights that training left."""
    made = new_network(width, code, 0)
    made.load_state_dict(state)
    return made.requires_grad_(False).eval()


@dataclass(frozen=True, eq=False)
class Training:
    """One fit of an autoencoder; it goes on from the checkpoint in `folder`, and ends with the same bits."""

    settings: Settings
    normal: Shown
    seed: int
    log: Log
    folder: Path | None

    def run(self) -> None:
        """Train, and leave `network`."""
        torch.set_num_threads(1)
        settings, number = self.settings, len(self.normal)
        epoch_steps = -(-number // settings.batch_size)
        parameters = list(self.network.parameters())
        optimiser = AdamW(parameters, settings.learning_rate, settings.weight_decay, settings.steps)
        held = self._held(optimiser)
        key = self.key if self.folder else ""
        found = Checkpoint.read(self.folder, key) if self.folder else None
        if found:
            with torch.no_grad():
                for name, value in found.tensors.items():
                    held[name].copy_(value)
            optimiser.done = min(found.epoch * epoch_steps, settings.steps)
            for loss in found.losses:
                self.log.end_epoch(loss)
        while optimiser.done < settings.steps:
            epoch, left = len(self.log.losses), settings.steps - optimiser.done
            order = np.random.default_rng((self.seed, epoch)).permutation(number)
            batches = np.array_split(order, epoch_steps)[:left]
            total = 0.0
            for rows in batches:
                images = self._standardised(self._pixels(rows))
                losses = (self.network(images) - images).square().mean((1, 2, 3))
                optimiser.step(losses.mean())
                total += losses.detach().sum().item()
            self.log.end_epoch(total / sum(map(len, batches)))
            if has_diverged(self.log.losses):
                return
            if self.folder:
                self.folder.mkdir(parents=True, exist_ok=True)
                Checkpoint(epoch + 1, self.log.losses, held).write(self.folder, key)

    @cached_property
    def network(self) -> Network:
        """What is trained."""
        return new_network(self.settings.width, self.settings.code, self.seed)

    @cached_property
    def seen(self) -> tuple[NDArray[np.float32], NDArray[np.float32], str]:
        """Mean and deviation of the RGB values, shape (3,), and a hash of the pixels in the order of the rows."""
        digest, sums, squares, pixels = hashlib.blake2b(), np.zeros(3), np.zeros(3), 0
        for batch in self.normal.batches(READ):
            images = batch.inputs.images(self.settings.image_size, self.settings.resize)
            digest.update(images.tobytes())
            values = images.reshape(-1, 3).astype(np.float64)
            sums, squares, pixels = sums + values.sum(axis=0), squares + (values**2).sum(axis=0), pixels + len(values)
        mean = sums / pixels
        deviation = np.sqrt(np.maximum(squares / pixels - mean**2, 1.0))
        return mean.astype(np.float32), deviation.astype(np.float32), digest.hexdigest()

    @cached_property
    def key(self) -> str:
        """Tells this fit from every other: what it is made of, and with which code."""
        return json_digest(
            {
                "detector": self.settings.model_dump(mode="json"),
                "seed": self.seed,
                "pixels": self.seen[2],
                "code": code_digest({type(self.settings).__module__, type(self).__module__}),
                "versions": {name: version(name) for name in ("torch", "numpy")},
            }
        )

    def _pixels(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        return self.normal.take(rows).inputs.images(self.settings.image_size, self.settings.resize)

    def _standardised(self, images: NDArray[np.uint8]) -> Tensor:
        return standardised(images, self.seen[0], self.seen[1])

    def _held(self, optimiser: AdamW) -> dict[str, Tensor]:
        """All that changes from epoch to epoch, by name."""
        parts = {"weight": optimiser.parameters, "first": optimiser.first, "second": optimiser.second}
        return {f"{part}.{at}": one.detach() for part, held in parts.items() for at, one in enumerate(held)}


def standardised(images: NDArray[np.uint8], mean: NDArray[np.float32], deviation: NDArray[np.float32]) -> Tensor:
    """Images, uint8 (n, s, s, 3), as an autoencoder is shown them, float32 (n, 3, s, s)."""
    shown = (torch.from_numpy(images.astype(np.float32)) - torch.from_numpy(mean)) / torch.from_numpy(deviation)
    return shown.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


def looks(
    network: Network, images: NDArray[np.uint8], mean: NDArray[np.float32], deviation: NDArray[np.float32]
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float32]]]:
    """How badly each image is put together again, and what its worst place looks like.

    Yields
    ------
    tuple
        The mean squared error of the standardised pixels in squares of `CELL`, shape (s / CELL, s / CELL); where it is
        largest, the mean error of each colour, with its sign, and the code, (3 + code,); an image at a time.
    """
    torch.set_num_threads(1)
    for start in range(0, len(images), BATCH):
        part = images[start : start + BATCH]
        batch = np.zeros((BATCH, *part.shape[1:]), dtype=np.uint8)
        batch[: len(part)] = part
        shown = standardised(batch, mean, deviation)
        with torch.inference_mode():
            codes = network.encoder(shown)
            left = shown - network.decoder(codes)
            cells = nn.functional.avg_pool2d(left.square().mean(1, keepdim=True), CELL)[:, 0].double().numpy()
            signed = torch.cat([nn.functional.avg_pool2d(left, CELL), codes], 1).flatten(2).numpy()
        own = signed[np.arange(BATCH), :, cells.reshape(BATCH, -1).argmax(axis=1)]
        yield from zip(cells[: len(part)], own[: len(part)], strict=True)
