"""Post-hoc logit adjustment: one line at inference, and the remedy that the others have to beat (Menon et al. 2021)."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.scores import Scores
from tasks.train.posthoc import PostHoc


class LogitAdjustment(PostHoc):
    """``z_c - tau log pi_c`` with the effective prior: what the model learnt of class frequencies is taken away."""

    name: Literal["logit_adjustment"] = "logit_adjustment"
    tau: float = Field(1.0, ge=0, le=5, description="Strength: 0 leaves the scores, 1 aims at balanced accuracy.")

    def adjust(self, scores: Scores) -> Scores:
        """See `PostHoc`; changes nothing but a common offset where the prior is uniform."""
        return scores.with_values(scores.values + self.shift(scores.prior))

    def shift(self, prior: NDArray[np.float64]) -> NDArray[np.float64]:
        """See `PostHoc`."""
        moved: NDArray[np.float64] = -self.tau * np.log(prior)
        return moved
