"""Samplers: how often the rows of a class are drawn in an epoch.

A sampler changes what a model sees, so it also says which counts that amounts to: losses, weights and corrections take
those effective counts, and nothing is corrected twice.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tasks.registry import Part


class Sampler(Part):
    """Draws the rows of an epoch."""

    kind: ClassVar[str] = "sampler"

    @abstractmethod
    def class_shares(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """The share of draws that goes to each class: shape (K,), sums to 1, for `counts` of shape (K,), positive."""

    def row_probabilities(self, labels: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
        """The probability of each row in one draw: its class's share, the same for all rows of the class.

        Parameters
        ----------
        labels
            Shape (n,), 0 to `classes` - 1; every class occurs.
        classes
            Number of classes, K.

        Returns
        -------
        ndarray
            Shape (n,), sums to 1.
        """
        counts = np.bincount(labels, minlength=classes).astype(np.float64)
        per_class: NDArray[np.float64] = self.class_shares(counts) / counts
        return per_class[labels]

    def effective_counts(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Rows a class that an epoch is expected to hold: shape (K,), with the same sum as `counts`."""
        effective: NDArray[np.float64] = counts.sum() * self.class_shares(counts)
        return effective

    def epoch(self, labels: NDArray[np.int64], classes: int, generator: np.random.Generator) -> NDArray[np.int64]:
        """The rows of one epoch in their order, shape (n,): as many as there are, drawn with replacement."""
        probabilities = self.row_probabilities(labels, classes)
        return generator.choice(len(labels), size=len(labels), p=probabilities)
