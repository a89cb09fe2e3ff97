"""A linear classifier, or a small network, on frozen features: the default, because a fit takes well under a second."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from safetensors.numpy import load_file, save

from tasks.scores import Scores
from tasks.statistics.scaling import Standardisation, unit_vectors
from tasks.train.dense import SCALE, forward, initial_weights, layers_of
from tasks.train.families import Components, Family, Fitted, Log
from tasks.train.last_layer import LastLayer

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tasks.inputs import Inputs
    from tasks.train.rows import Rows

ARRAYS = "model.safetensors"
SIGMOIDS = "sigmoids"  # the array by which a model says that its outputs are read as sigmoids
CHUNK = 4096  # rows a forward pass of `predict`


class Head(LastLayer, Family):
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
        sizes = [features.shape[1], *([self.hidden] if self.hidden else []), len(rows.classes)]
        biases, start = f"bias{len(sizes) - 2}", course.phase(0).start
        weights = initial_weights(sizes, start, seed, self.first_scale)
        known = {biases} if self.first_scale else set()  # cosines have no biases to learn
        known |= {SCALE} if self.scale else set()
        learnt = [one.requires_grad_() for name, one in weights.items() if name not in known]
        optimiser = AdamW(learnt, self.learning_rate, self.weight_decay, self.steps)
        order = np.random.default_rng(seed)
        chance = np.random.default_rng((seed, 1))  # its own, so that mixing leaves the order of rows

        def loss_of(batch: Tensor, phase: Phase) -> Tensor:
            """The loss of every row; a function, so that a batch's memory is free before the next is taken."""
            mixed, theirs = phase.mix(features.index_select(0, batch), labels.take(batch), chance)
            return phase.loss(theirs, forward(weights, mixed))

        def move_to(asked: NDArray[np.float64]) -> None:
            """Move output biases by what a phase asks of them more than the one before: few late steps would not."""
            nonlocal start
            weights[biases].data.add_(features.new_tensor(asked - start))
            start = asked

        while optimiser.done < self.steps:
            total = 0.0
            phase = course.phase(optimiser.done)
            move_to(phase.start)
            epoch = torch.from_numpy(phase.epoch(order))[: phase.steps * self.batch_size]
            for batch in torch.split(epoch, self.batch_size):
                per_image = loss_of(batch, phase)
                optimiser.step(per_image.mean())
                total += per_image.detach().sum().item()
            log.losses.append(total / len(epoch))
        move_to(course.phase(self.steps).start)
        fitted = {name: value.detach().numpy() for name, value in weights.items()} | vars(standard)
        if components.loss.one_vs_rest:
            fitted[SIGMOIDS] = np.ones(1, dtype=np.float32)
        return FittedHead(self.backbone, fold, course.prior, fitted)

    def load(self, folder: Path, prior: NDArray[np.float64], fold: int | None) -> FittedHead:
        """See `Family`."""
        return FittedHead(self.backbone, fold, prior, load_file(folder / ARRAYS))


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
        Weights and biases a layer (`tasks.train.dense`), and the mean and deviation of each feature, float32; one
        named `SIGMOIDS` where outputs are read as sigmoids.
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

        from tasks.train.layers import Directions, LogSigmoids, Standardised, linear

        layers: list[nn.Module] = [Standardised(self.arrays["mean"], self.arrays["deviation"])]
        last = layers_of(self.arrays) - 1
        for layer in range(last + 1):
            weight, bias = self.arrays[f"weight{layer}"], self.arrays[f"bias{layer}"]
            layers += [nn.ReLU()] if layer else []
            if layer == last and SCALE in self.arrays:
                layers.append(Directions(np.zeros(weight.shape[1], dtype=np.float32)))
                weight = np.exp(self.arrays[SCALE]) * unit_vectors(weight)
            layers.append(linear(weight, bias))
        layers += [LogSigmoids()] if SIGMOIDS in self.arrays else []
        return nn.Sequential(*layers)
