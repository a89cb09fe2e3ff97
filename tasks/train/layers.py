"""Layers of the networks as which families show their fitted models (`tasks.train.families.Fitted.module`)."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tasks.statistics.scaling import BoundedStandardisation

Made = TypeVar("Made", bound=nn.Module)


def constant(values: NDArray[np.generic]) -> nn.Parameter:
    """Numbers of a layer that nothing fits any more, as float32."""
    return nn.Parameter(torch.tensor(np.asarray(values, dtype=np.float32)), requires_grad=False)


def channels_last(network: Made) -> Made:
    """A network, the weights of its convolutions in the order of numbers that is faster on most processors."""
    for one in network.parameters():
        if one.ndim == 4:
            one.data = one.data.contiguous(memory_format=torch.channels_last)
    return network


class Standardised(nn.Module):
    """Rows, shape (n, d), on the scale of a `BoundedStandardisation`."""

    def __init__(self, standard: BoundedStandardisation) -> None:
        super().__init__()
        self.mean, self.factor = constant(standard.mean), constant(1 / standard.deviation)  # infinite deviation: 0
        self.lowest, self.highest = constant(standard.lowest), constant(standard.highest)

    def forward(self, rows: Tensor) -> Tensor:
        """See the class."""
        scaled = (rows - self.mean) * self.factor
        return torch.minimum(torch.maximum(scaled, self.lowest), self.highest)


class Directions(nn.Module):
    """Rows, shape (n, d), less a centre, at length 1; one of length 0 stays."""

    def __init__(self, centre: NDArray[np.float32]) -> None:
        super().__init__()
        self.centre = constant(centre)

    def forward(self, rows: Tensor) -> Tensor:
        """See the class."""
        moved = rows - self.centre
        units: Tensor = moved / moved.norm(dim=1, keepdim=True).clamp(min=torch.finfo(torch.float32).tiny)
        return units


class LogSigmoids(nn.Module):
    """The logarithm of a sigmoid a class, shape (n, K), of outputs that are read so (`tasks.train.losses.Loss`)."""

    def forward(self, outputs: Tensor) -> Tensor:
        """See the class."""
        return nn.functional.logsigmoid(outputs)


class NearestOfEach(nn.Module):
    """Of unit vectors, shape (n, d), the mean cosine to the nearest known rows of each class, (n, K), times a factor.

    Parameters
    ----------
    rows
        Shape (N, d), of length 1, those of a class side by side.
    counts
        Rows of each class, K of them, which sum to N.
    nearest
        How many rows of a class count; all where it has fewer.
    scale
        The factor.
    """

    def __init__(self, rows: NDArray[np.float32], counts: list[int], nearest: int, scale: float) -> None:
        super().__init__()
        self.rows, self.counts, self.nearest, self.scale = constant(rows), counts, nearest, scale

    def forward(self, units: Tensor) -> Tensor:
        """See the class."""
        by_class = torch.split(units @ self.rows.T, self.counts, dim=1)
        means = [one.topk(min(self.nearest, one.shape[1]), dim=1).values.mean(1) for one in by_class]
        return self.scale * torch.stack(means, dim=1)


def linear(weight: NDArray[np.float32], bias: NDArray[np.float32] | None = None) -> nn.Linear:
    """The layer ``rows @ weight.T + bias``."""
    outputs, inputs = weight.shape
    layer = nn.Linear(inputs, outputs, bias=bias is not None)
    layer.weight = constant(weight)
    if bias is not None:
        layer.bias = constant(bias)
    return layer
