"""No resampling: every training image once."""

from __future__ import annotations

import numpy as np

from tasks.balance.resample import Resample


class Unchanged(Resample):
    """Every training image once, in its natural share."""

    def times(self, labels: np.ndarray, order: np.ndarray) -> np.ndarray:
        """Once each; see `Resample.times`."""
        return np.ones(len(labels), dtype=np.int64)
