"""Detectors of scikit-learn on the features of a backbone."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tasks.statistics.scaling import Standardisation
from tasks.train.detectors import Arrays, Detector, FittedDetector, Looked
from tasks.train.skops_bytes import read_skops, skops_bytes

if TYPE_CHECKING:
    from tasks.train.detecting.shown import Shown
    from tasks.train.families import Log

FILE = "detector.skops"


class OnFeatures(Detector):
    """A detector of scikit-learn, and what of it says how far a row is from those that it was fitted on.

    Attributes
    ----------
    trusted
        Types that its saved form holds beside those that skops knows, and that are safe to load: none executes code of
        the file.
    """

    packages: ClassVar[tuple[str, ...]] = ("safetensors", "scikit-learn", "skops")
    trusted: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def make(self, seed: int) -> Any:
        """An unfitted detector on one thread, all of whose chance comes from `seed`; it has a method ``fit(X)``."""

    @abstractmethod
    def degrees(self, fitted: Any, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """How far each of `rows`, shape (n, d), is from what was learnt, shape (n,), finite: larger is farther."""

    def fit(self, normal: Shown, seed: int, log: Log, folder: Path | None = None) -> FittedOnFeatures:
        """See `Detector`; on features that are standardised by those of the normal class."""
        values = normal.features()
        standard = Standardisation.of(values)
        return FittedOnFeatures(self, self.make(seed).fit(standard(values)), vars(standard))

    def of_unseen(
        self, normal: Shown, halves: NDArray[np.int64], seed: int, folder: Path | None = None
    ) -> NDArray[np.float64]:
        """See `Detector`; both halves are on the scale of the whole."""
        values = normal.features()
        rows, degrees = Standardisation.of(values)(values), np.empty(len(values))
        for half in (0, 1):
            degrees[halves == half] = self.degrees(self.make(seed).fit(rows[halves != half]), rows[halves == half])
        return degrees

    def load(self, folder: Path, arrays: Arrays) -> FittedOnFeatures:
        """See `Detector`."""
        return FittedOnFeatures(self, read_skops(folder / FILE, self.trusted), arrays)


@dataclass(frozen=True)
class FittedOnFeatures(FittedDetector):
    """What came of an `OnFeatures`.

    Attributes
    ----------
    component, detector
        What was chosen, and what scikit-learn made of it.
    arrays
        ``mean`` and ``deviation`` of the normal class's features.
    """

    component: OnFeatures
    detector: Any
    arrays: Arrays

    def look(self, shown: Shown) -> Looked:
        """See `FittedDetector`."""
        rows = Standardisation(self.arrays["mean"], self.arrays["deviation"])(shown.features())
        return Looked(self.component.degrees(self.detector, rows) if len(rows) else np.zeros(0), rows)

    @property
    def files(self) -> dict[str, bytes]:
        """See `FittedDetector`; skops."""
        return {FILE: skops_bytes(self.detector)}
