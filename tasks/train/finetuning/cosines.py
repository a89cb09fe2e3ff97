"""A last layer of cosines for whole networks; what it computes is that of a head (`tasks.train.dense`)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tasks.train.dense import directions


class Cosines(nn.Module):
    """``s cos(x, w_c) + b_c``: of features, shape (n, d), outputs of shape (n, K).

    Directions start by chance and at length 1 (Cao et al. 2019), since their rate of learning falls with the square of
    it. Biases are 0 and not learnt. All of it is computed as float32: times 30, half precision is off by a tenth.

    Parameters
    ----------
    channels, classes
        d and K.
    scale
        s, as training begins.
    is_fixed
        Whether it stays so.
    """

    bias: Tensor

    def __init__(self, channels: int, classes: int, scale: float = 1.0, *, is_fixed: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(directions(2 * torch.rand(classes, channels) - 1))
        self.register_buffer("bias", torch.zeros(classes))
        self.log_scale = nn.Parameter(torch.tensor([scale]).log(), requires_grad=not is_fixed)

    def forward(self, features: Tensor) -> Tensor:
        """See the class."""
        with torch.autocast(features.device.type, enabled=False):
            weight = self.log_scale.exp() * directions(self.weight)
            return nn.functional.linear(directions(features.float()), weight, self.bias)
