"""A fast linear probe: what features tell of a label, judged on images whose relatives the classifier has not seen.

The classifier is linear discriminant analysis with a shrunk covariance, on principal components where there are many
features: a closed form, so that hundreds of fits take seconds. On frozen features it comes near to logistic regression
(Hayes and Kanan, Lifelong machine learning with deep streaming linear discriminant analysis, 2020).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

FOLDS = 5
COMPONENTS = 128  # principal components that the classifier sees
PCA_ROWS = 5_000  # rows that these are found on; more would hardly move them


def deal_folds(labels: np.ndarray, groups: np.ndarray, folds: int = FOLDS) -> np.ndarray:
    """A fold for each image: groups stay whole, each goes where its rarest class has the fewest images.

    Groups of rare classes come first, larger ones before smaller ones, then in the order of their numbers.

    Parameters
    ----------
    labels, groups
        Shape (n,), integers from 0.
    """
    counts = np.bincount(labels)
    rarest = np.full(groups.max(initial=-1) + 1, -1)
    by_size = np.argsort(-counts[labels], kind="stable")
    rarest[groups[by_size]] = labels[by_size]  # the last to be written is the rarest
    sizes = np.bincount(groups)
    order = np.lexsort((np.arange(len(sizes)), -sizes, counts[rarest]))
    filled = np.zeros((len(counts), folds))
    place = np.zeros(len(sizes), dtype=np.int64)
    for group in order:
        row = filled[rarest[group]]
        place[group] = int(np.argmin(row + filled.sum(axis=0) * 1e-6))
        row[place[group]] += sizes[group]
    folds_of: np.ndarray = place[groups]
    return folds_of


def principal_components(values: np.ndarray, components: int = COMPONENTS) -> Callable[[np.ndarray], np.ndarray]:
    """Find the principal components of standardised features, and return what projects others on them.

    Parameters
    ----------
    values
        Shape (n, d); the first `PCA_ROWS` decide, so their order should be one of chance.
    components
        How many to keep, fewer where n or d is smaller.
    """
    from scipy.linalg import eigh, svd

    seen = values[:PCA_ROWS]
    mean = seen.mean(axis=0, dtype=np.float64)
    deviation = seen.std(axis=0, dtype=np.float64)
    deviation[deviation < 1e-6] = 1
    scaled = ((seen - mean) / deviation).astype(np.float32)
    d = scaled.shape[1]
    kept = min(components, d, max(1, len(seen) - 1))
    if len(seen) < d:
        vectors = svd(scaled, full_matrices=False)[2][:kept].T
    else:
        vectors = eigh(scaled.T @ scaled, subset_by_index=[d - kept, d - 1])[1][:, ::-1]
    matrix = (vectors / deviation[:, None]).astype(np.float32)
    origin = (mean / deviation) @ vectors

    def project(others: np.ndarray) -> np.ndarray:
        projected: np.ndarray = others @ matrix - origin
        return projected

    return project


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
