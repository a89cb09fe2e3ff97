"""Rebalancing: large classes cut down and small ones copied, at once."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.balance.originals import Originals
from tasks.balance.resample import Resample
from tasks.balance.spread import spread_by_class
from tasks.balance.targets import RESAMPLE_TO, Target


class Rebalance(Resample):
    """Brings every class to what the target asks for; ``equal`` is the mean class, so that the set stays as large."""

    name: Literal["rebalance"] = "rebalance"
    to: Target = Field(Target.of("equal"), description=RESAMPLE_TO)

    def asked(self, counts: dict[str, int]) -> dict[str, int]:
        """See `Resample.asked`."""
        return self.to.around(counts)

    def times(self, originals: Originals) -> NDArray[np.int64]:
        """Not at all, once or more often; see `Resample.times`."""
        return spread_by_class(self.asked(originals.counts()), originals)
