"""Natural sampling: every row once an epoch."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tasks.train.samplers import Sampler


class Natural(Sampler):
    """Every row once, in random order; classes occur as often as they are."""

    name: Literal["natural"] = "natural"

    def class_shares(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Proportional to the counts."""
        shares: NDArray[np.float64] = counts / counts.sum()
        return shares

    def effective_counts(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """The counts themselves, to the bit."""
        return counts

    def epoch(self, labels: NDArray[np.int64], classes: int, generator: np.random.Generator) -> NDArray[np.int64]:
        """A permutation of the rows: no row is left out, as it would be in draws with replacement."""
        return generator.permutation(len(labels))
