"""Classifiers on feature vectors, for the family `classical`. A new one is one file here.

A classifier owns its settings, its arithmetic and its file format, which is never pickle.
"""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tasks.registry import Component


class Classifier(Component):
    """A classifier that weighs rows.

    Attributes
    ----------
    packages
        Distributions that a fitted one needs.
    balances
        Whether it draws as many rows of every class by itself: then its prior is uniform, whatever the rows weigh.
    has_chance
        Whether a fit depends on the seed.
    """

    kind: ClassVar[str] = "classifier"
    packages: ClassVar[tuple[str, ...]] = ()
    balances: ClassVar[bool] = False
    has_chance: ClassVar[bool] = True

    def needed(self) -> tuple[str, ...]:
        """Distributions that a fitted one needs: `packages`, unless it depends on what is installed."""
        return self.packages

    @abstractmethod
    def fit(
        self, values: NDArray[np.float32], targets: NDArray[np.int64], weights: NDArray[np.float64], seed: int
    ) -> Any:
        """What `probabilities` and `save` take; the same arguments give the same bits, on one thread.

        Parameters
        ----------
        values
            Shape (n, d).
        targets
            Shape (n,), 0 to K - 1; each class occurs.
        weights
            Shape (n,), positive; 1 on average.
        seed
            Of all that is left to chance.
        """

    def fit_apart(
        self,
        values: NDArray[np.float32],
        targets: NDArray[np.int64],
        weights: NDArray[np.float64],
        seed: int,
        relatives: NDArray[np.int64],
    ) -> Any:
        """`fit`, by default; one that sets rows aside, to learn how far it can be trusted, keeps relatives together.

        Parameters
        ----------
        values, targets, weights, seed
            See `fit`.
        relatives
            Shape (n,): see `tasks.train.rows.Rows`.
        """
        return self.fit(values, targets, weights, seed)

    @abstractmethod
    def probabilities(self, fitted: Any, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """Of each class, shape (n, K), for rows of shape (n, d), n at least 1."""

    @abstractmethod
    def save(self, fitted: Any, folder: Path) -> None:
        """Write into an empty folder what `load` reads: the same bytes for the same model, and no pickle."""

    @abstractmethod
    def load(self, folder: Path) -> Any:
        """Read what `save` wrote."""
