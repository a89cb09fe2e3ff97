"""A linear classifier, or a small network, on frozen features: the default, because a fit takes well under a second."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from safetensors.numpy import load_file, save

from tasks.scores import Scores
from tasks.statistics.scaling import Standardisation
from tasks.train.families import Components, Family, Fitted, Log

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tasks.inputs import Inputs
    from tasks.train.rows import Rows

ARRAYS = "model.safetensors"
SIGMOIDS = "sigmoids"  # the array by which a model says that its outputs are read as sigmoids
CHUNK = 4096  # rows a forward pass of `predict`


class Head(Family):
    """Standardised features, AdamW, cosine decay of the learning rate to zero.

    Feature means and deviations are those of the model's own training rows. One thread: several strategies run at once.
    """

    name: Literal["head"] = "head"
    packages: ClassVar[tuple[str, ...]] = ("safetensors", "torch")
    is_network: ClassVar[bool] = True
    reads_sigmoids: ClassVar[bool] = True
    takes: ClassVar[frozenset[str]] = frozenset({"loss", "sampler", "mixing", "schedule"})
    hidden: int = Field(0, ge=0, le=4096, description="Units of one hidden layer (ReLU); 0 is a linear classifier.")
    steps: int = Field(
        320,
        ge=1,
        le=1_000_000,
        description="Optimiser steps of every fit: a recipe with more rows is not trained longer.",
    )
    batch_size: int = Field(256, ge=1, description="Rows an optimiser step.")
    learning_rate: float = Field(0.0015, gt=0, le=10, description="Peak learning rate of AdamW.")
    weight_decay: float = Field(0.1, ge=0, le=10, description="Decoupled weight decay of AdamW.")

    def fit(
        self, rows: Rows, inputs: Inputs, components: Components, seed: int, fold: int | None, log: Log
    ) -> FittedHead:
        """See `Family`."""
        import torch

        from tasks.train.adamw import AdamW
        from tasks.train.course import Course, Phase
        from tasks.train.labels import Labels
        from tasks.train.made_rows import with_made_rows

        torch.set_num_threads(1)
        torch.set_deterministic_debug_mode("error")  # the other switch for it imports the compiler, 2 s
        given = len(rows)
        values, rows = with_made_rows(inputs.features(self.backbone, fold), rows, components.sampler, seed, log)
        course = Course(components, rows, given, self.steps)
        standard = Standardisation.of(values)
        features = torch.from_numpy(standard(values))
        labels = Labels.of(rows.first, rows.second, rows.share)
        weights = self._initial_weights(features.shape[1], course.start, seed)
        optimiser = AdamW(list(weights.values()), self.learning_rate, self.weight_decay, self.steps)
        order = np.random.default_rng(seed)
        chance = np.random.default_rng((seed, 1))  # its own, so that mixing leaves the order of rows

        def loss_of(batch: Tensor, phase: Phase) -> Tensor:
            """The loss of every row; a function, so that a batch's memory is free before the next is taken."""
            mixed, theirs = phase.mix(features.index_select(0, batch), labels.take(batch), chance)
            return phase.loss(theirs, forward(weights, mixed))

        while optimiser.done < self.steps:
            total = 0.0
            phase = course.phase(optimiser.done)
            epoch = torch.from_numpy(phase.epoch(order))[: phase.steps * self.batch_size]
            for batch in torch.split(epoch, self.batch_size):
                per_image = loss_of(batch, phase)
                optimiser.step(per_image.mean())
                total += per_image.detach().sum().item()
            log.losses.append(total / len(epoch))
        fitted = {name: value.detach().numpy() for name, value in weights.items()} | vars(standard)
        if components.loss.one_vs_rest:
            fitted[SIGMOIDS] = np.ones(1, dtype=np.float32)
        return FittedHead(self.backbone, fold, course.prior, fitted)

    def load(self, folder: Path, prior: NDArray[np.float64], fold: int | None) -> FittedHead:
        """See `Family`."""
        return FittedHead(self.backbone, fold, prior, load_file(folder / ARRAYS))

    def _initial_weights(self, dimensions: int, start: NDArray[np.float64], seed: int) -> dict[str, Tensor]:
        """Weights uniform within ``1 / sqrt(inputs)``, a tenth of that in the output, whose biases are `start`.

        A short training does not move biases from 0 to the class prior, and a later correction by the prior would then
        take away what was never learnt (Lin et al. 2017 start so for stability). The output starts near 0 because what
        a random start adds in directions that the data hardly touch stays as noise.
        """
        import torch

        generator = torch.Generator().manual_seed(seed)
        sizes = [dimensions, self.hidden, len(start)] if self.hidden else [dimensions, len(start)]
        weights: dict[str, Tensor] = {}
        for layer, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
            drawn = (2 * torch.rand(outputs, inputs, generator=generator) - 1) / inputs**0.5
            is_output = layer == len(sizes) - 2
            bias = torch.tensor(start, dtype=torch.float32) if is_output else torch.zeros(outputs)
            weights[f"weight{layer}"] = (drawn / 10 if is_output else drawn).requires_grad_()
            weights[f"bias{layer}"] = bias.requires_grad_()
        return weights


@dataclass(frozen=True)
class FittedHead(Fitted):
    """A fitted head.

    Attributes
    ----------
    backbone, fold
        Whose features it takes.
    prior
        See `Fitted`.
    arrays
        Weights and biases a layer, and the mean and deviation of each feature, float32; one named `SIGMOIDS` where
        outputs are read as sigmoids.
    """

    backbone: str
    fold: int | None
    prior: NDArray[np.float64]
    arrays: Mapping[str, NDArray[np.float32]]

    def predict(self, inputs: Inputs) -> Scores:
        """Logits, or the logarithms of sigmoids; see `Fitted`."""
        import torch

        torch.set_num_threads(1)
        features = inputs.features(self.backbone, self.fold)
        standard = Standardisation(self.arrays["mean"], self.arrays["deviation"])
        weights = {name: torch.tensor(value) for name, value in self.arrays.items()}
        chunks = np.split(features, range(CHUNK, len(features), CHUNK))
        outputs = torch.cat([forward(weights, torch.from_numpy(standard(chunk))) for chunk in chunks]).double()
        scores = torch.nn.functional.logsigmoid(outputs) if SIGMOIDS in self.arrays else outputs
        return Scores("logit", scores.numpy(), self.prior)

    def save(self, folder: Path) -> None:
        """See `Fitted`; safetensors."""
        (folder / ARRAYS).write_bytes(save(dict(self.arrays)))  # `save_file`'s could be read by their owner only

    def module(self) -> nn.Module:
        """See `Fitted`."""
        from torch import nn

        from tasks.train.layers import LogSigmoids, Standardised, linear

        layers: list[nn.Module] = [Standardised(self.arrays["mean"], self.arrays["deviation"])]
        for layer in range(sum(name.startswith("weight") for name in self.arrays)):
            layers += [nn.ReLU()] if layer else []
            layers.append(linear(self.arrays[f"weight{layer}"], self.arrays[f"bias{layer}"]))
        layers += [LogSigmoids()] if SIGMOIDS in self.arrays else []
        return nn.Sequential(*layers)


def forward(weights: Mapping[str, Tensor], rows: Tensor) -> Tensor:
    """Logits of shape (n, K) for standardised `rows` of shape (n, d)."""
    layers = sum(name.startswith("weight") for name in weights)
    for layer in range(layers):
        # Few outputs: with the weights on the left the products run two to three times as fast as torch's own layer.
        rows = (weights[f"weight{layer}"] @ rows.T).T + weights[f"bias{layer}"]
        if layer < layers - 1:
            rows = rows.relu()
    return rows
