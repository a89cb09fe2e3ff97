"""Rows that a sampler makes between feature vectors, joined to those that there are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.train.families import Log
from tasks.train.rows import Rows
from tasks.train.samplers import Sampler


def with_made_rows(
    features: NDArray[np.float32], rows: Rows, sampler: Sampler, seed: int, log: Log
) -> tuple[NDArray[np.float32], Rows]:
    """The rows that epochs draw from: those given, and behind them what the sampler makes of them.

    Parameters
    ----------
    features
        Shape (n, d), of `rows`.
    rows
        One model's own training rows.
    sampler
        Of the strategy.
    seed
        Of the fit.
    log
        Takes a sentence on what was made.

    Returns
    -------
    ndarray, Rows
        Shape (m, d), m at least n, and the m rows.
    """
    values, classes = sampler.with_made_rows(features, rows.first, seed)
    made = classes[len(rows) :]
    if sampler.inputs == "features":
        each = zip(rows.classes, np.bincount(made, minlength=len(rows.classes)), strict=True)
        log.notes.append(f"{sampler.name} made rows: {', '.join(f'{name} {count:,}' for name, count in each)}")
    return values, rows.with_made(made)
