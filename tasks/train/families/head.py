"""A linear classifier, or a small network, on frozen features: the default, because a fit takes well under a second."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.train.families import Family, Fit, FitTask, State

if TYPE_CHECKING:
    from torch import Tensor

CHUNK = 4096  # rows a forward pass of `predict`


class Head(Family):
    """Standardised features, AdamW, cosine decay of the learning rate to zero.

    Feature means and deviations are those of the model's own training rows. One thread: several strategies run at once.
    """

    hidden: int = Field(0, ge=0, le=4096, description="Units of one hidden layer (ReLU); 0 is a linear classifier.")

    def fit(self, task: FitTask) -> Fit:
        """See `Family`."""
        import torch

        from tasks.train.adamw import AdamW
        from tasks.train.labels import Labels

        torch.set_num_threads(1)
        torch.set_deterministic_debug_mode("error")  # the other switch for it imports the compiler, 2 s
        mean = task.features.mean(axis=0, dtype=np.float64).astype(np.float32)
        centred = task.features - mean
        deviation = np.sqrt(np.square(centred).mean(axis=0, dtype=np.float64)).astype(np.float32)
        deviation[deviation == 0] = np.inf  # what never varied in training says nothing of an image where it does
        centred /= deviation
        features = torch.from_numpy(centred)
        labels = Labels.of(task.targets, task.second, task.share)
        drawn, effective = task.drawn, task.counts
        counts = torch.tensor(effective, dtype=torch.float32)

        settings = task.settings
        weights = self._initial_weights(features.shape[1], task.loss.prior(effective), task.seed)
        optimiser = AdamW(list(weights.values()), settings.learning_rate, settings.weight_decay, settings.steps)
        order = np.random.default_rng(task.seed)
        chance = np.random.default_rng((task.seed, 1))  # its own, so that mixing leaves the order of rows

        def loss_of(batch: Tensor) -> Tensor:
            """The loss of every row; a function, so that a batch's memory is free before the next is taken."""
            own = features.index_select(0, batch), labels.take(batch)
            inputs, mixed = task.mixing.mix(*own, drawn, chance)
            return mixed.loss(task.loss, forward(weights, inputs), counts)

        losses = []
        while optimiser.done < settings.steps:
            total = 0.0
            rows = torch.from_numpy(task.sampler.epoch(task.targets, task.classes, order))
            rows = rows[: (settings.steps - optimiser.done) * settings.batch_size]  # the last epoch may be cut short
            for batch in torch.split(rows, settings.batch_size):
                per_image = loss_of(batch)
                optimiser.step(per_image.mean())
                total += per_image.detach().sum().item()
            losses.append(total / len(rows))
        fitted = {name: value.detach().numpy() for name, value in weights.items()}
        return Fit(fitted | {"mean": mean, "deviation": deviation}, losses)

    def predict(self, state: State, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Logits; see `Family`."""
        import torch

        torch.set_num_threads(1)
        weights = {name: torch.tensor(value) for name, value in state.items()}
        chunks = np.split(features, range(CHUNK, len(features), CHUNK))
        rows = [torch.tensor((chunk - state["mean"]) / state["deviation"]) for chunk in chunks]
        return torch.cat([forward(weights, each) for each in rows]).double().numpy()

    def _initial_weights(self, dimensions: int, prior: NDArray[np.float64], seed: int) -> dict[str, Tensor]:
        """Weights uniform within ``1 / sqrt(inputs)``, a tenth of that in the output; output biases are the log prior.

        A short training does not move biases from 0 to the class prior, and a later correction by the prior would then
        take away what was never learnt (Lin et al. 2017 start so for stability). The output starts near 0 because what
        a random start adds in directions that the data hardly touch stays as noise.
        """
        import torch

        generator = torch.Generator().manual_seed(seed)
        sizes = [dimensions, self.hidden, len(prior)] if self.hidden else [dimensions, len(prior)]
        weights: dict[str, Tensor] = {}
        for layer, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
            drawn = (2 * torch.rand(outputs, inputs, generator=generator) - 1) / inputs**0.5
            is_output = layer == len(sizes) - 2
            bias = torch.tensor(np.log(prior), dtype=torch.float32) if is_output else torch.zeros(outputs)
            weights[f"weight{layer}"] = (drawn / 10 if is_output else drawn).requires_grad_()
            weights[f"bias{layer}"] = bias.requires_grad_()
        return weights


def forward(weights: Mapping[str, Tensor], rows: Tensor) -> Tensor:
    """Logits of shape (n, K) for standardised `rows` of shape (n, d)."""
    layers = sum(name.startswith("weight") for name in weights)
    for layer in range(layers):
        # Few outputs: with the weights on the left the products run two to three times as fast as torch's own layer.
        rows = (weights[f"weight{layer}"] @ rows.T).T + weights[f"bias{layer}"]
        if layer < layers - 1:
            rows = rows.relu()
    return rows
