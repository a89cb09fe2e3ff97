"""Class-balanced sampling: every class equally often (Kang et al. 2020, q = 0)."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tasks.train.samplers import Sampler


class ClassBalanced(Sampler):
    """Every class has the same share of the draws."""

    name: Literal["class_balanced"] = "class_balanced"

    def class_shares(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """``1 / K``."""
        return np.full(len(counts), 1 / len(counts))
