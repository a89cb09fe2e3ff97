"""Standard errors of means over images of several classes, in which relatives count once."""

from __future__ import annotations

import numpy as np


def clustered_error(values: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> float:
    """Standard error of the mean over the classes of the classes' means, if groups of relatives were drawn anew.

    Parameters
    ----------
    values
        A number an image, shape (n,).
    labels, groups
        The class and the group of each image, shape (n,), integers from 0.
    """
    counts = np.bincount(labels)
    means = np.bincount(labels, values) / np.maximum(counts, 1)
    weight = 1 / (counts[labels] * (counts > 0).sum())
    sums = np.bincount(groups, weight * (values - means[labels]))
    sums = sums[np.bincount(groups) > 0]
    if len(sums) < 2:
        return float("inf")
    return float(np.sqrt((sums**2).sum() * len(sums) / (len(sums) - 1)))
