"""The second stage of a head: its last layer anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from tasks.train.dense import below_last, forward, layers_of
from tasks.train.recalls import recall_note
from tasks.train.second_stages import Classifier, SecondStage

if TYPE_CHECKING:
    from torch import Tensor

    from tasks.train.families import Fit
    from tasks.train.rows import Rows

Arrays = dict[str, NDArray[np.float32]]


def second_stage(
    stage: SecondStage, weights: Arrays, prior: NDArray[np.float64], features: Tensor, rows: Rows, fit: Fit
) -> tuple[Arrays, NDArray[np.float64]]:
    """Weights, by the names of `tasks.train.dense`, and the prior that they have learnt, once the stage is done.

    Parameters
    ----------
    stage
        What is done.
    weights, prior
        As the first stage left them.
    features
        Standardised, (n, d), of the n `rows`.
    rows
        What was learnt from, with what a sampler has made.
    fit
        Gives the seed, and takes a note of what the stage does to the recall of each class.
    """
    if stage.changes == "nothing":
        return weights, prior
    last = layers_of(weights) - 1
    first = Classifier(weights[f"weight{last}"], weights[f"bias{last}"], prior)
    found = stage.refit(first, below_last(_tensors(weights), features).numpy(), rows, fit.seed)
    changed = weights | {f"weight{last}": found.weight, f"bias{last}": found.bias}
    before, after = (forward(_tensors(one), features).numpy() for one in (weights, changed))
    fit.log.notes.append(recall_note(stage.name, rows, before, after))
    return changed, found.prior


def _tensors(weights: Arrays) -> dict[str, Tensor]:
    return {name: torch.tensor(value) for name, value in weights.items()}
