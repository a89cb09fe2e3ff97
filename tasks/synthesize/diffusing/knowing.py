"""What a network is told beside the image: the share of noise, the class, and how the image was changed."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

WAVES = 32  # by which the share of noise is written
FASTEST = 1000.0  # of them, in turns over the whole range


class Knowing(nn.Module):
    """One vector of all of it.

    Parameters
    ----------
    size
        Its length.
    classes
        Number of classes K; there is one vector more, for no class named.
    changes
        How many numbers say how an image was changed.
    """

    waves: Tensor

    def __init__(self, size: int, classes: int, changes: int) -> None:
        super().__init__()
        self.register_buffer("waves", torch.exp(torch.linspace(0, math.log(FASTEST), WAVES)), persistent=False)
        self.noise = nn.Linear(2 * WAVES, size)
        self.label = nn.Embedding(classes + 1, size)
        self.changes = nn.Linear(changes, size, bias=False)
        self.mixed = nn.Linear(size, size)

    def forward(self, noise: Tensor, labels: Tensor, changes: Tensor) -> Tensor:
        """Shares (n,), classes (n,) and changes (n, c) to vectors (n, size)."""
        angles = noise[:, None] * self.waves
        written = self.noise(torch.cat([angles.sin(), angles.cos()], dim=1))
        made: Tensor = self.mixed(functional.silu(written + self.label(labels) + self.changes(changes)))
        return made
