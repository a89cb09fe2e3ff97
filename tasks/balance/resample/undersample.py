"""Undersampling: the large classes cut down towards the smallest."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from tasks.balance.resample import Resample
from tasks.balance.spread import share, spread


class Undersample(Resample):
    """Keeps of every class at most `ratio` times as many images as the smallest class has."""

    ratio: float = Field(1.0, ge=1, description="Largest class kept, as a multiple of the smallest class.")

    def times(self, labels: np.ndarray, order: np.ndarray) -> np.ndarray:
        """Once or not at all; see `Resample.times`."""
        names, counts = np.unique(labels, return_counts=True)
        most = share(int(counts.min()), self.ratio)
        times = np.zeros(len(labels), dtype=np.int64)
        for name, count in zip(names, counts, strict=True):
            of_class = labels == name
            times[of_class] = spread(min(int(count), most), order[of_class])
        return times
