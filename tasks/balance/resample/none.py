"""No resampling: every training image once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.balance.pool import Pool
from tasks.balance.resample import Resample


class Unchanged(Resample):
    """Every training image once, in its natural share."""

    def times(self, pool: Pool) -> NDArray[np.int64]:
        """Once each; see `Resample.times`."""
        return np.ones(len(pool.labels), dtype=np.int64)
