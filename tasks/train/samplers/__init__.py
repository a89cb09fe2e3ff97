"""Samplers: which rows an epoch holds, and how often those of a class.

Most draw from the rows that there are; some first make more of them, between feature vectors of one class. A sampler
changes what a model sees, so it also says which counts that amounts to: losses, weights and corrections take those
effective counts, and nothing is corrected twice.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tasks.registry import Component


class Sampler(Component):
    """Draws the rows of an epoch."""

    kind: ClassVar[str] = "sampler"
    inputs: ClassVar[str] = "any"  # what a family must take for it: any, or features where it makes rows
    fewest: ClassVar[int] = 1  # rows that each class must have
    not_on_mixed_rows: ClassVar[str] = ""  # why it takes no rows of two classes

    def with_made_rows(
        self, features: NDArray[np.float32], targets: NDArray[np.int64], seed: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """The rows that epochs draw from: those given, in their order, and behind them what the sampler makes of them.

        Parameters
        ----------
        features
            Shape (n, d): one model's own training rows and no others.
        targets
            Shape (n,), 0 to K - 1; every class has at least `fewest` rows.
        seed
            Of the fit.

        Returns
        -------
        ndarray, ndarray
            Shapes (m, d) and (m,), m at least n; how many a class does not depend on `seed`.
        """
        return features, targets

    @abstractmethod
    def class_shares(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """The share of draws that goes to each class: shape (K,), sums to 1, for `counts` of shape (K,), positive."""

    def row_probabilities(self, labels: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
        """The probability of each row in one draw: its class's share, the same for all rows of the class.

        Parameters
        ----------
        labels
            Shape (n,), 0 to `classes` - 1; of mixed rows the first label.
        classes
            Number of classes, K.

        Returns
        -------
        ndarray
            Shape (n,), sums to 1.
        """
        counts = np.bincount(labels, minlength=classes).astype(np.float64)
        occurs = counts > 0
        per_class = np.zeros(classes)
        per_class[occurs] = self.class_shares(counts[occurs]) / counts[occurs]
        return per_class[labels]

    def effective_counts(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Rows a class that an epoch is expected to hold: shape (K,), the sum of `counts`, 0 where they are 0."""
        effective = np.zeros(len(counts))
        occurs = counts > 0
        effective[occurs] = counts.sum() * self.class_shares(counts[occurs])
        return effective

    def epoch(self, labels: NDArray[np.int64], classes: int, generator: np.random.Generator) -> NDArray[np.int64]:
        """The rows of one epoch in their order, shape (n,): as many as there are, drawn with replacement."""
        probabilities = self.row_probabilities(labels, classes)
        return generator.choice(len(labels), size=len(labels), p=probabilities)
