"""No resampling: every training image once."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tasks.balance.originals import Originals
from tasks.balance.resample import Resample


class Unchanged(Resample):
    """Every training image once, in its natural share."""

    name: Literal["none"] = "none"

    def times(self, originals: Originals) -> NDArray[np.int64]:
        """Once each; see `Resample.times`."""
        return np.ones(len(originals.labels), dtype=np.int64)
