"""Undersampling: the large classes cut down towards the smallest, by chance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.balance.pool import Pool
from tasks.balance.resample import Resample
from tasks.balance.spread import spread_by_class
from tasks.balance.targets import RESAMPLE_TO, Target


class Undersample(Resample):
    """Leaves images out until no class has more than the target asks for; ``{smallest: 4}`` is a mild one."""

    resample_to: Target = Field(Target.of("equal"), description=RESAMPLE_TO)

    def asked(self, counts: dict[str, int]) -> dict[str, int]:
        """See `Resample.asked`."""
        return self.resample_to.below(counts)

    def times(self, pool: Pool) -> NDArray[np.int64]:
        """Once or not at all; see `Resample.times`."""
        counts = pool.counts()
        asked = self.asked(counts)
        return spread_by_class({name: min(asked[name], count) for name, count in counts.items()}, pool)
