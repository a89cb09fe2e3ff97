"""Undersampling: the large classes cut down towards the smallest, by chance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.balance.pool import Pool
from tasks.balance.resample import Undersampler
from tasks.balance.spread import spread_by_class


class Undersample(Undersampler):
    """Leaves images out until no class has more than the target asks for; ``{smallest: 4}`` is a mild one."""

    def times(self, pool: Pool) -> NDArray[np.int64]:
        """Once or not at all; see `Resample.times`."""
        return spread_by_class(self.kept(pool), pool)
