"""Undersampling: the large classes cut down towards the smallest, by chance."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tasks.balance.originals import Originals
from tasks.balance.resample import Undersampler
from tasks.balance.spread import spread_by_class


class Undersample(Undersampler):
    """Leaves images out until no class has more than the target asks for; ``{smallest: 4}`` is a mild one."""

    name: Literal["undersample"] = "undersample"

    def times(self, originals: Originals) -> NDArray[np.int64]:
        """Once or not at all; see `Resample.times`."""
        return spread_by_class(self.kept(originals), originals)
