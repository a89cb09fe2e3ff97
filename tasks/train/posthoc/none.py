"""No post-hoc rule: scores as the model gives them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.train.posthoc import PostHoc


class Unchanged(PostHoc):
    """Leaves the scores as they are."""

    def adjust(self, scores: NDArray[np.float64], prior: NDArray[np.float64]) -> NDArray[np.float64]:
        """A copy of the scores."""
        return scores.copy()
