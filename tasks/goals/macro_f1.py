"""Every class alike, false alarms counted: the mean of the F1 scores."""

from __future__ import annotations

from typing import Literal

from tasks.goals import JUDGED, Goal


class MacroF1(Goal):
    """The mean of the F1 scores of the classes that can be measured."""

    name: Literal["macro_f1"] = "macro_f1"

    @property
    def metric(self) -> str:
        """See `Goal`."""
        return f"{JUDGED}{self.name}"

    @property
    def label(self) -> str:
        """See `Goal`."""
        return "macro-F1"
