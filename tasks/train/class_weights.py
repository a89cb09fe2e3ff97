"""Weights of classes for families that weigh rows and minimise no loss of a strategy's own."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tasks.train.losses import balanced_weights, weighted_prior

Choice = Literal["none", "balanced", "ratio"]


def weights_and_prior(choice: Choice, counts: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The weight of every class and the class prior that is learnt with it.

    Parameters
    ----------
    choice
        ``balanced``: ``N / (K n_c)``, scikit-learn's. ``ratio``: ``n_max / n_c``, the commonest class at 1; of two
        classes the rarer then weighs XGBoost's ``scale_pos_weight = n_neg / n_pos``, LightGBM's ``is_unbalance``.
    counts
        Shape (K,), positive: effective rows a class.

    Returns
    -------
    ndarray, ndarray
        Both of shape (K,); the prior sums to 1.
    """
    if choice == "none":
        weights = np.ones(len(counts))
    elif choice == "balanced":
        weights = balanced_weights(counts)
    else:
        weights = counts.max() / counts
    return weights, weighted_prior(counts, weights)
