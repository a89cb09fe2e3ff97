"""Square-root sampling: half-way between natural and class-balanced (Kang et al. 2020, q = 0.5)."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tasks.train.samplers import Sampler


class SquareRoot(Sampler):
    """A class's share of the draws grows with the square root of its count."""

    name: Literal["square_root"] = "square_root"

    def class_shares(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Proportional to ``n_c^0.5``."""
        shares: NDArray[np.float64] = np.sqrt(counts) / np.sqrt(counts).sum()
        return shares
