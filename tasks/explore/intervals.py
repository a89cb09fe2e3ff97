"""Intervals of shares and of means over images, in which relatives count once."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

CONFIDENCE = 0.95


def wilson(share: float, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Wilson's interval of a share seen in `n` trials; (0, 1) without trials."""
    if n == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * float(np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)))
    return centre - half, centre + half


def mean_of_shares(shares: Sequence[float], n: Sequence[int], confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The interval of a mean of independent shares, such as a balanced accuracy, the mean of the classes' recalls.

    From the shares' own Wilson intervals by the method of variance estimates recovery (Zou and Donner, Statistics in
    Medicine 27 (2008), 1693-1702), so it doesn't shrink to a point where all shares are 1.

    Parameters
    ----------
    shares
        In [0, 1].
    n
        Trials behind each share; for images with relatives, the number of groups.
    """
    ends = np.array([wilson(share, trials, confidence) for share, trials in zip(shares, n, strict=True)])
    values = np.asarray(shares, dtype=float)
    mean = float(values.mean())
    below = float(np.sqrt(((values - ends[:, 0]) ** 2).sum())) / len(values)
    above = float(np.sqrt(((ends[:, 1] - values) ** 2).sum())) / len(values)
    return max(0.0, mean - below), min(1.0, mean + above)


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
