"""Some steps of cross-entropy on class-balanced draws: what second stages that learn have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tasks.train.samplers.class_balanced import ClassBalanced

if TYPE_CHECKING:
    from torch import Tensor

    from tasks.train.rows import Rows

STREAM = 2  # of chance, beside those of the first stage


def balanced_steps(
    outputs: Callable[[Tensor], Tensor],
    parameters: Sequence[Tensor],
    rows: Rows,
    seed: int,
    *,
    steps: int,
    batch_size: int,
    learning_rate: float,
    weight_decay: float,
) -> None:
    """Move parameters, in place, so that outputs say the classes of rows that are drawn class by class.

    Parameters
    ----------
    outputs
        From the numbers of rows, shape (b,), to their outputs, (b, K).
    parameters
        Leaf tensors on which these depend.
    rows
        What is drawn.
    seed
        Of the draws.
    steps, batch_size, learning_rate, weight_decay
        Of `tasks.train.adamw.AdamW`.
    """
    import torch

    from tasks.train.adamw import AdamW
    from tasks.train.labels import Labels
    from tasks.train.losses.cross_entropy import CrossEntropy

    torch.set_num_threads(1)
    labels, loss = Labels.of(rows.first, rows.second, rows.share), CrossEntropy()
    optimiser = AdamW(parameters, learning_rate, weight_decay, steps)
    chance = np.random.default_rng((seed, STREAM))
    probabilities = ClassBalanced().row_probabilities(rows.first, len(rows.classes))
    counts = torch.ones(len(rows.classes))  # which play no part
    for _ in range(steps):
        batch = torch.from_numpy(chance.choice(len(rows), size=batch_size, p=probabilities))
        optimiser.step(labels.take(batch).loss(loss, outputs(batch), counts).mean())


def balanced_prior(rows: Rows) -> NDArray[np.float64]:
    """The class prior of such draws, shape (K,): uniform, but for rows of two classes."""
    drawn = rows.drawn(ClassBalanced())
    prior: NDArray[np.float64] = drawn / drawn.sum()
    return prior
