"""Temperature scaling: scores divided by one number, so that probabilities are as sure as they are right.

It changes no decision of a single fit (Guo, Pleiss, Sun and Weinberger, On calibration of modern neural networks, ICML
2017). The numbers are those of `tasks.calibration`, by which the report corrects probabilities as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.calibration import Calibration
from tasks.scores import Scores
from tasks.train.posthoc import PostHoc, pooled


class Temperature(PostHoc):
    """``z_c / T``; the prior stays, since what is mended is how sure the model is, not of how many."""

    name: Literal["temperature"] = "temperature"
    temperature: float | None = Field(
        None, gt=0, description="Scores are divided by it; null: found on out-of-fold scores."
    )

    def fit(self, scores: Sequence[Scores], targets: Sequence[NDArray[np.int64]]) -> Self:
        """See `PostHoc`; a given one is kept."""
        if self.temperature is not None:
            return self
        found = Calibration.fit(*pooled(scores, targets), biased=False)
        return self.model_copy(update={"temperature": found.temperature})

    def adjust(self, scores: Scores) -> Scores:
        """See `PostHoc`."""
        return scores.with_values(scores.values * self.steepness())

    def steepness(self) -> float:
        """See `PostHoc`."""
        if self.temperature is None:
            raise ValueError("a temperature must be found before scores are divided by it")
        return 1 / self.temperature

    def shift(self, prior: NDArray[np.float64]) -> NDArray[np.float64]:
        """Nothing."""
        return np.zeros(len(prior))
