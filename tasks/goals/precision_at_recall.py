"""One class must be found: as few false alarms as that allows."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.goals import OfClass, cuts


class PrecisionAtRecall(OfClass):
    """The precision of a class where its recall, on other images, was as stated.

    The cut-off is the highest that reaches the recall.
    """

    name: Literal["precision_at_recall"] = "precision_at_recall"
    recall: float = Field(0.9, gt=0, le=1, description="The share of the class that must be found.")

    @property
    def metric(self) -> str:
        """See `Goal`."""
        return f"precision.{self.of}"

    @property
    def label(self) -> str:
        """See `Goal`."""
        return f"the precision of {self.of} at a recall of {self.recall:g}"

    def cutoff(self, evidence: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
        """See `Goal`."""
        cut, recall, _ = cuts(evidence, positive)
        return float(cut[np.flatnonzero(recall >= self.recall - 1e-12)[0]])
