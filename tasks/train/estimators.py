"""Classifiers of scikit-learn and its kin: how they are fitted, and saved by skops with a list of trusted types."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tasks.train.classifiers import Classifier
from tasks.train.skops_bytes import read_skops, write_skops

FILE = "classifier.skops"


class Estimator(Classifier):
    """An estimator of scikit-learn with `predict_proba`, and how it is set up.

    Attributes
    ----------
    trusted
        Types that its saved form holds beside those that skops knows, and that are safe to load: none executes code of
        the file.
    """

    packages: ClassVar[tuple[str, ...]] = ("scikit-learn", "skops")
    trusted: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def make(self, seed: int) -> Any:
        """An unfitted estimator on one thread, all of whose chance comes from `seed`."""

    def fit(
        self, values: NDArray[np.float32], targets: NDArray[np.int64], weights: NDArray[np.float64], seed: int
    ) -> Any:
        """See `Classifier`."""
        return self.make(seed).fit(values, targets, sample_weight=weights)

    def probabilities(self, fitted: Any, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """See `Classifier`."""
        shares: NDArray[np.float64] = fitted.predict_proba(values).astype(np.float64)
        return shares

    def save(self, fitted: Any, folder: Path) -> None:
        """See `Classifier`; skops."""
        write_skops(fitted, folder / FILE)

    def load(self, folder: Path) -> Any:
        """See `Classifier`."""
        return read_skops(folder / FILE, self.trusted)
