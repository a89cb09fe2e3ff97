"""What both networks are made of: layers whose weights are of size one, and convolutions that a style steers.

Weights begin at a normal draw of deviation one and are scaled where they are used, so that each learns at the same
speed whatever the width (Karras et al. 2018, section 4.1).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.2  # of what is below zero


def active(values: Tensor) -> Tensor:
    """Leaky rectified, of about the same size as before."""
    made: Tensor = functional.leaky_relu(values, SLOPE) * math.sqrt(2)
    return made


class Linear(nn.Module):
    """Of (n, `into`) it makes (n, `out`); the bias begins at `bias`."""

    def __init__(self, into: int, out: int, bias: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out, into))
        self.bias = nn.Parameter(torch.full((out,), bias))
        self.scale = 1 / math.sqrt(into)

    def forward(self, values: Tensor) -> Tensor:
        """See the class."""
        return functional.linear(values, self.weight * self.scale, self.bias)


class Conv(nn.Module):
    """Of maps (n, `into`, y, x) it makes (n, `out`, y, x), or with half as many places a side, rounded up."""

    def __init__(self, into: int, out: int, kernel: int, *, halves: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out, into, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(out))
        self.scale = 1 / math.sqrt(into * kernel**2)
        self.stride, self.padding = 1 + halves, kernel // 2

    def forward(self, maps: Tensor) -> Tensor:
        """See the class."""
        return functional.conv2d(maps, self.weight * self.scale, self.bias, self.stride, self.padding)


class Styled(nn.Module):
    """A convolution that a style steers: it weighs the channels that come in (Karras et al. 2020, section 2.2).

    What comes out is brought back to its expected size by what is known of weights and style alone, and not of the
    maps, so that no image depends on another.

    Parameters
    ----------
    into, out
        Channels.
    kernel
        Pixels a side.
    told
        Length of the style.
    steady
        Whether what comes out is brought back to its expected size.
    """

    def __init__(self, into: int, out: int, kernel: int, told: int, *, steady: bool = True) -> None:
        super().__init__()
        self.style = Linear(told, into, bias=1.0)
        self.weight = nn.Parameter(torch.randn(out, into, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(out))
        self.scale, self.padding, self.steady = 1 / math.sqrt(into * kernel**2), kernel // 2, steady

    def forward(self, maps: Tensor, told: Tensor) -> Tensor:
        """Maps (n, `into`, y, x) and styles (n, `told`)."""
        style, weight = self.style(told), self.weight * self.scale
        made = functional.conv2d(maps * style[:, :, None, None], weight, None, 1, self.padding)
        if self.steady:
            size = (style.float().square() @ weight.square().sum((2, 3)).T + 1e-8).rsqrt()
            made = made * size[:, :, None, None]
        return made + self.bias[:, None, None]
