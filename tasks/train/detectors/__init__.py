"""Detectors of outliers, for the family `anomaly`: how far a row is from what was learnt. A new one is one new file."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tasks.registry import Component


class Detector(Component):
    """A detector of scikit-learn, and what of it says how far a row is from those that it was fitted on.

    Attributes
    ----------
    trusted
        Types that its saved form holds beside those that skops knows, and that are safe to load: none executes code of
        the file.
    """

    kind: ClassVar[str] = "detector"
    trusted: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def make(self, seed: int) -> Any:
        """An unfitted detector on one thread, all of whose chance comes from `seed`; it has a method ``fit(X)``."""

    @abstractmethod
    def degrees(self, fitted: Any, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """How far each of `rows`, shape (n, d), is from what was learnt, shape (n,), finite: larger is farther."""
