"""What each member of an ensemble counts for: the mixture of probabilities under which the labels are likeliest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.scores import log_sum

STEPS, TOLERANCE = 500, 1e-9  # of the EM algorithm; the largest change of a weight at which it ends


def fitted_weights(logs: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Weights of a mixture by maximum likelihood, every class counting alike, as in balanced accuracy.

    Parameters
    ----------
    logs
        Shape (M, n, K): log-probabilities by M members of n images that they have not seen.
    labels
        Shape (n,), 0 to K - 1.

    Returns
    -------
    numpy.ndarray
        Shape (M,), at least 0, they sum to 1.

    References
    ----------
    The EM algorithm for the shares of a mixture of known parts (Dempster, Laird and Rubin, JRSS B 39, 1977), whose
    likelihood has one maximum; as a way of stacking: Smyth and Wolpert, Linearly combining density estimators via
    stacking, Machine Learning 36, 1999.
    """
    of_truth = logs[:, np.arange(len(labels)), labels].T
    counts = np.bincount(labels)
    image = 1 / counts[labels]
    weights = np.full(len(logs), 1 / len(logs))
    for _ in range(STEPS):
        with np.errstate(divide="ignore"):
            joint = np.log(weights) + of_truth
        responsible = np.exp(joint - log_sum(joint))
        new = image @ responsible / image.sum()
        done = np.abs(new - weights).max() < TOLERANCE
        weights = new
        if done:
            break
    return weights
