"""As many of one class as can be found while the alarms can be believed."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.goals import OfClass, cuts

NEVER = 1e30  # larger than any evidence, and a number in every precision and in JSON


class RecallAtPrecision(OfClass):
    """The recall of a class where its precision, on other images, was as stated.

    The cut-off is the lowest at which the precision is reached; where none reaches it, no alarm can be believed, and
    none is raised.
    """

    name: Literal["recall_at_precision"] = "recall_at_precision"
    precision: float = Field(0.8, gt=0, lt=1, description="The share of alarms that must be right.")

    @property
    def metric(self) -> str:
        """See `Goal`."""
        return f"recall.{self.of}"

    @property
    def label(self) -> str:
        """See `Goal`."""
        return f"the recall of {self.of} at a precision of {self.precision:g}"

    def cutoff(self, evidence: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
        """See `Goal`."""
        cut, _, precision = cuts(evidence, positive)
        reached = np.flatnonzero(precision >= self.precision)
        return float(cut[reached[-1]]) if len(reached) else NEVER
