"""Oversampling: exact copies of the small classes' images."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.balance.originals import Originals
from tasks.balance.resample import Resample
from tasks.balance.spread import spread_by_class
from tasks.balance.targets import RESAMPLE_TO, Target


class Oversample(Resample):
    """Repeats images until every class has what the target asks for; takes none away."""

    name: Literal["oversample"] = "oversample"
    to: Target = Field(Target.of("equal"), description=RESAMPLE_TO)

    def asked(self, counts: dict[str, int]) -> dict[str, int]:
        """See `Resample.asked`."""
        return self.to.above(counts)

    def times(self, originals: Originals) -> NDArray[np.int64]:
        """Once or more often; see `Resample.times`."""
        counts = originals.counts()
        asked = self.asked(counts)
        return spread_by_class({name: max(asked[name], count) for name, count in counts.items()}, originals)
