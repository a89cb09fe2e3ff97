"""Outputs that are read as a sigmoid a class: what losses of one class against the rest share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

LARGEST, SMALLEST = 25.0, 1e-9  # outputs of a model that sees nothing: how far from 0, and how precisely


def log_sigmoids(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """How probable the right answers to each class's question are.

    Parameters
    ----------
    logits
        Shape (n, K), floating point.
    targets
        Shape (n,), int64, 0 to K - 1.

    Returns
    -------
    Tensor, Tensor
        ``log s_y`` of the true classes, shape (n,), and ``log(1 - s_j)`` of the others, shape (n, K), with 0 at the
        true class. Both are finite wherever `logits` are.
    """
    from torch.nn.functional import logsigmoid, one_hot

    hit = logsigmoid(logits.gather(1, targets[:, None])[:, 0])
    is_true = one_hot(targets, logits.shape[1]).bool()
    return hit, logsigmoid(-logits).masked_fill(is_true, 0.0)


def focused(logits: Tensor, targets: Tensor, gammas: tuple[float, float], clip: float = 0.0) -> Tensor:
    """``-(1 - s_y)^g log s_y - sum_{j != y} t_j^h log(1 - t_j)``, with ``t_j = max(s_j - clip, 0)``: shape (n,).

    Parameters
    ----------
    logits, targets
        See `log_sigmoids`.
    gammas
        g and h, at least 0: how fast answers that are easily right lose weight, for the true class and for others.
    clip
        0 to below 1: sigmoids of other classes up to this count as 0.
    """
    hit, others = log_sigmoids(logits, targets)
    if clip:
        others = others.logaddexp(others.new_tensor(clip).log()).clamp_max(0.0)
    of_hit, of_others = (
        (-right.expm1()).clamp_min(1e-30) ** gamma * -right  # its gradient stays finite where the answer is sure
        for right, gamma in zip((hit, others), gammas, strict=True)
    )
    return of_hit + of_others.sum(1)


def blind_outputs(shares: NDArray[np.float64], gammas: tuple[float, float], clip: float = 0.0) -> NDArray[np.float64]:
    """What `focused` teaches a model that sees nothing: the outputs with the smallest mean loss, shape (K,).

    Found on ever finer grids, since there is no formula: focusing moves a sigmoid far from the class's share.

    Parameters
    ----------
    shares
        Shape (K,), above 0 and below 1: of the classes' rows, as they weigh.
    gammas, clip
        See `focused`.
    """

    def mean_loss(outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        hit, miss = -np.logaddexp(0, -outputs), -np.logaddexp(0, outputs)
        right = np.minimum(np.logaddexp(miss, np.log(clip)), 0) if clip else miss
        own = (-np.expm1(hit)) ** gammas[0] * -hit
        mean: NDArray[np.float64] = shares * own + (1 - shares) * (-np.expm1(right)) ** gammas[1] * -right
        return mean

    outputs, width = np.zeros(len(shares)), LARGEST
    while width > SMALLEST:
        around = outputs + np.linspace(-width, width, 201)[:, None]
        outputs = np.take_along_axis(around, mean_loss(around).argmin(axis=0)[None], axis=0)[0]
        width /= 50
    return outputs


def log_odds(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """``log(p / (1 - p))`` of shares of shape (K,), above 0 and below 1: the outputs whose sigmoids they are."""
    odds: NDArray[np.float64] = np.log(shares) - np.log1p(-shares)
    return odds


def normalised(outputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sigmoids of outputs of shape (K,), made to sum to 1: the prior of a model that gives them to all."""
    sigmoids = 1 / (1 + np.exp(-outputs))
    shares: NDArray[np.float64] = sigmoids / sigmoids.sum()
    return shares
