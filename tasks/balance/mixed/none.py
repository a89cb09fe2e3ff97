"""No mixed images."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tasks.balance.mixed import Drawn, MixedImages


class Unchanged(MixedImages):
    """Makes nothing."""

    name: Literal["none"] = "none"

    def asked(self, counts: dict[str, int]) -> dict[str, int]:
        """What is there."""
        return counts

    def draw(self, width: int, height: int, rng: np.random.Generator) -> Drawn:
        """The whole base."""
        return Drawn(1.0)

    def blend(self, base: NDArray[np.float32], partner: NDArray[np.float32], drawn: Drawn) -> NDArray[np.float32]:
        """The base."""
        return base
