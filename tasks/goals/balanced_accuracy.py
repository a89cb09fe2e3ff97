"""Every class alike: the mean of the recalls."""

from __future__ import annotations

from typing import Literal

from tasks.goals import JUDGED, Goal


class BalancedAccuracy(Goal):
    """The mean of the recalls of the classes that can be measured."""

    name: Literal["balanced_accuracy"] = "balanced_accuracy"

    @property
    def metric(self) -> str:
        """See `Goal`."""
        return f"{JUDGED}{self.name}"

    @property
    def label(self) -> str:
        """See `Goal`."""
        return "balanced accuracy"

    def guessed(self, classes: int) -> float:
        """See `Goal`."""
        return 1 / classes
