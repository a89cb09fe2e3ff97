"""No post-hoc rule: scores as the model gives them."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tasks.scores import Scores
from tasks.train.posthoc import PostHoc


class Unchanged(PostHoc):
    """Leaves the scores as they are."""

    name: Literal["none"] = "none"

    def adjust(self, scores: Scores) -> Scores:
        """The scores themselves."""
        return scores

    def shift(self, prior: NDArray[np.float64]) -> NDArray[np.float64]:
        """Nothing."""
        return np.zeros(len(prior))
