"""Detectors of outliers, for the family `anomaly`: how far an image is from what was learnt. A new one is one new file.

One on features derives from `tasks.train.detecting.features.OnFeatures`, one on the maps of a network from
`tasks.train.detecting.maps.OnMaps`; others from `Detector` itself.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tasks.registry import Component

if TYPE_CHECKING:
    from tasks.train.detecting.shown import Shown
    from tasks.train.families import Log

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Looked:
    """What a fitted detector makes of n images.

    Attributes
    ----------
    degrees
        How far each is from what was learnt, shape (n,), finite: larger is farther.
    vectors
        What each looks like, shape (n, d), 0 where it looks like the mean of what was learnt: by their directions
        outliers of several classes are told from each other.
    """

    degrees: NDArray[np.float64]
    vectors: NDArray[np.float32]


class FittedDetector(ABC):
    """A fitted detector.

    Attributes
    ----------
    arrays
        What of it is arrays: its family saves them, and hands them to `Detector.load`.
    """

    arrays: Arrays

    @abstractmethod
    def look(self, shown: Shown) -> Looked:
        """See `Looked`; what is said of an image does not depend on those beside it."""

    def places(self, shown: Shown) -> NDArray[np.float64] | None:
        """How far each place of n images is, shape (n, y, x), on the scale of the degrees; None: it sees no places."""
        return None

    @property
    def files(self) -> dict[str, bytes]:
        """What of it is no array, as files by name: no pickle, and the same bytes for the same detector."""
        return {}


class Detector(Component):
    """A detector.

    Attributes
    ----------
    inputs
        What it looks at: features of a backbone, or images.
    packages
        Distributions that a fitted one needs.
    """

    kind: ClassVar[str] = "detector"
    inputs: ClassVar[str] = "features"
    packages: ClassVar[tuple[str, ...]] = ("safetensors",)

    @abstractmethod
    def fit(self, normal: Shown, seed: int, log: Log, folder: Path | None = None) -> FittedDetector:
        """Learn what is normal; on one thread, all chance comes from `seed`.

        Parameters
        ----------
        normal
            Images of the normal class, two or more.
        seed
            Of everything random.
        log
            Takes losses, where there are some.
        folder
            Where a long fit may keep how far it is; see `tasks.train.families.Fit`.
        """

    def of_unseen(
        self, normal: Shown, halves: NDArray[np.int64], seed: int, folder: Path | None = None
    ) -> NDArray[np.float64]:
        """How far the normal images are, each half from the other, shape (n,): from itself no image is far.

        `halves`, shape (n,), says whether each is in half 0 or 1 (`tasks.train.relatives`); the others are as of `fit`.
        """
        from tasks.train.families import Log

        degrees = np.empty(len(normal))
        for half in (0, 1):
            learnt, others = np.flatnonzero(halves != half), np.flatnonzero(halves == half)
            fitted = self.fit(normal.take(learnt), seed, Log(), folder and folder / f"half-{half}")
            degrees[others] = fitted.look(normal.take(others)).degrees
        return degrees

    @abstractmethod
    def load(self, folder: Path, arrays: Arrays) -> FittedDetector:
        """Read `FittedDetector.files` in a folder; `arrays` are those that it had, and may be others' beside."""
