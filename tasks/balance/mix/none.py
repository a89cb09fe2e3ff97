"""No mixed images."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.balance.mix import Drawn, Mix


class Unchanged(Mix):
    """Makes nothing."""

    def asked(self, counts: dict[str, int]) -> dict[str, int]:
        """What is there."""
        return counts

    def draw(self, width: int, height: int, rng: np.random.Generator) -> Drawn:
        """The whole base."""
        return Drawn(1.0)

    def blend(self, base: NDArray[np.float32], partner: NDArray[np.float32], drawn: Drawn) -> NDArray[np.float32]:
        """The base."""
        return base
