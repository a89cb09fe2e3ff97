"""Oversampling: exact copies of the small classes' images."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from tasks.balance.resample import Resample
from tasks.balance.spread import share, spread


class Oversample(Resample):
    """Repeats images until every class has `target` times as many rows as the largest class."""

    target: float = Field(1.0, gt=0, le=1, description="Size of every class, as a share of the largest class.")

    def times(self, labels: np.ndarray, order: np.ndarray) -> np.ndarray:
        """Once or more often; see `Resample.times`."""
        names, counts = np.unique(labels, return_counts=True)
        least = share(int(counts.max()), self.target)
        times = np.zeros(len(labels), dtype=np.int64)
        for name, count in zip(names, counts, strict=True):
            of_class = labels == name
            times[of_class] = spread(max(int(count), least), order[of_class])
        return times
