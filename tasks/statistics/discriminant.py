"""Linear discriminant analysis with a shrunk covariance: a classifier whose hundreds of fits take seconds.

It has a closed form. On frozen features it comes near to logistic regression (Hayes and Kanan, Lifelong machine
learning with deep streaming linear discriminant analysis, 2020).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Moments:
    """What linear discriminant analysis needs to know of its rows.

    Attributes
    ----------
    counts, means
        Of each class: number of rows (K,), and their mean (K, d).
    scatter
        Sum over all rows of the outer products of the deviations from their class's mean, shape (d, d).
    """

    counts: np.ndarray
    means: np.ndarray
    scatter: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, labels: np.ndarray, classes: int) -> Moments:
        """The moments of rows, shape (n, d)."""
        counts = np.bincount(labels, minlength=classes).astype(float)
        means = np.zeros((classes, values.shape[1]))
        for one in np.flatnonzero(counts):
            means[one] = values[labels == one].mean(axis=0)
        deviations = values - means[labels]
        return cls(counts, means, deviations.T @ deviations)

    def without(self, one: int, values: np.ndarray) -> Moments:
        """The same without class `one`, whose rows are `values`."""
        deviations = values - self.means[one]
        counts, means = self.counts.copy(), self.means.copy()
        counts[one], means[one] = 0, 0
        return Moments(counts, means, self.scatter - deviations.T @ deviations)

    def with_rows(self, one: int, values: np.ndarray) -> Moments:
        """The same with `values` as the rows of class `one`, which had none."""
        counts, means = self.counts.copy(), self.means.copy()
        counts[one], means[one] = len(values), values.mean(axis=0)
        deviations = values - means[one]
        return Moments(counts, means, self.scatter + deviations.T @ deviations)

    def discriminant(self) -> tuple[np.ndarray, np.ndarray]:
        """Weights (d, K) and offsets (K,) of the classes' log-likelihoods, up to a number that all classes share.

        The covariance that the classes share is shrunk towards a multiple of the identity by oracle approximating
        shrinkage (Chen, Wiesel, Eldar and Hero, 2010), and distances are corrected for the number of a class's rows
        (Moran and Murphy, 1979). A class without rows has the offset -inf.
        """
        from scipy.linalg import cho_factor, cho_solve

        d = self.means.shape[1]
        freedom = max(1.0, float(self.counts.sum() - (self.counts > 0).sum()))
        covariance = self.scatter / freedom
        trace, square = float(np.trace(covariance)), float((covariance**2).sum())
        level = trace / d if trace > 0 else 1.0
        above = (1 - 2 / d) * square + trace**2
        below = (freedom + 1 - 2 / d) * (square - trace**2 / d)
        shrinkage = min(1.0, above / below) if below > 1e-12 * square else 1.0
        shrunk = (1 - shrinkage) * covariance
        shrunk[np.diag_indices(d)] += max(shrinkage, 1e-6) * level
        factor = cho_factor(shrunk)
        weights = cho_solve(factor, self.means.T)
        distances = (self.means.T * weights).sum(axis=0)
        # The error of its mean makes every image look farther from a small class.
        distances -= np.trace(cho_solve(factor, covariance)) / np.maximum(self.counts, 1)
        return weights, np.where(self.counts > 0, -0.5 * distances, -np.inf)
