"""The layers of a head: how they start, and their arithmetic.

The last one is linear, or the cosines between rows and a direction a class (Gidaris and Komodakis 2018), times a scale.
Cosines have no biases to learn, so that no class wins by the length of its weights; what a model that sees nothing must
say, such as the log of the class prior, is added to them as it is known.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

SCALE = "log_scale"  # the array by which a model says that its last layer is one of cosines
SHORTEST = 1e-12  # vectors that are no longer than this have no direction


def initial_weights(
    sizes: Sequence[int], start: NDArray[np.float64], seed: int, scale: float | None = None
) -> dict[str, Tensor]:
    """Weights uniform within ``1 / sqrt(inputs)``, a tenth of that in the output, whose biases are `start`.

    A short training does not move biases from 0 to the class prior, and a later correction by the prior would then
    take away what was never learnt (Lin et al. 2017 start so for stability). The output starts near 0 because what
    a random start adds in directions that the data hardly touch stays as noise.

    Parameters
    ----------
    sizes
        Inputs of the first layer, and outputs of each.
    start
        Shape (K,): outputs of a model that sees nothing.
    seed
        Of the start.
    scale
        Of cosines; None: the last layer is linear.

    Returns
    -------
    dict of str to Tensor
        ``weight0``, shape (outputs, inputs), ``bias0``, shape (outputs,), and so on; with cosines also `SCALE`, shape
        (1,), the logarithm of the scale.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    weights: dict[str, Tensor] = {}
    for layer, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
        drawn = (2 * torch.rand(outputs, inputs, generator=generator) - 1) / inputs**0.5
        is_output = layer == len(sizes) - 2
        weights[f"weight{layer}"] = drawn / 10 if is_output else drawn
        weights[f"bias{layer}"] = torch.tensor(start, dtype=torch.float32) if is_output else torch.zeros(outputs)
    if scale is not None:
        weights[SCALE] = torch.tensor([scale]).log()
    return weights


def layers_of(weights: Mapping[str, object]) -> int:
    """How many layers there are."""
    return sum(name.startswith("weight") for name in weights)


def forward(weights: Mapping[str, Tensor], rows: Tensor) -> Tensor:
    """Outputs of shape (n, K) for standardised `rows` of shape (n, d).

    Of m heads, whose weights stand along a first axis, (m, n, K): one product with the rows for all of them, which
    takes hardly longer than that of one.
    """
    return _passed(weights, rows, range(layers_of(weights)))


def below_last(weights: Mapping[str, Tensor], rows: Tensor) -> Tensor:
    """What the last layer is given of standardised `rows`, shape (n, d): themselves, or hidden units, (n, h)."""
    return _passed(weights, rows, range(layers_of(weights) - 1))


def _passed(weights: Mapping[str, Tensor], rows: Tensor, layers: Iterable[int]) -> Tensor:
    """Rows behind some layers, the first ones."""
    last = layers_of(weights) - 1
    for layer in layers:
        weight, bias = weights[f"weight{layer}"], weights[f"bias{layer}"]
        if layer == last and SCALE in weights:
            rows, weight = directions(rows), weights[SCALE].exp().unsqueeze(-1) * directions(weight)
        rows = _products(weight, rows) + bias.unsqueeze(-2)
        if layer < last:
            rows = rows.relu()
    return rows


def _products(weight: Tensor, rows: Tensor) -> Tensor:
    """Those of every row and output, shape (n, K) or (m, n, K).

    Few outputs: with the weights on the left they run two to three times as fast as torch's own layer.
    """
    if weight.ndim > rows.ndim:
        return (weight.flatten(0, 1) @ rows.mT).view(*weight.shape[:2], -1).mT
    return (weight @ rows.mT).mT


def directions(rows: Tensor) -> Tensor:
    """Rows, shape (..., n, d), at length 1; one of length 0 stays."""
    units: Tensor = rows / rows.norm(dim=-1, keepdim=True).clamp_min(SHORTEST)
    return units
