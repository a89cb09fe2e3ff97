"""No new images."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.balance.augment import Augment
from tasks.balance.pool import Pool


class Unchanged(Augment):
    """Makes nothing."""

    def new_images(self, pool: Pool, times: NDArray[np.int64]) -> NDArray[np.int64]:
        """None; see `Augment.new_images`."""
        return np.zeros_like(times)
