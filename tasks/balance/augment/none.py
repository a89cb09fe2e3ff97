"""No new images."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tasks.balance.augment import Augment
from tasks.balance.originals import Originals


class Unchanged(Augment):
    """Makes nothing."""

    name: Literal["none"] = "none"

    def new_images(self, originals: Originals, times: NDArray[np.int64]) -> NDArray[np.int64]:
        """None; see `Augment.new_images`."""
        return np.zeros_like(times)
