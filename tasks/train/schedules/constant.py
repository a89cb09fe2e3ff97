"""No schedule: everything from the first step to the last."""

from __future__ import annotations

from typing import Literal

from tasks.train.schedules import InEffect, Schedule


class Unscheduled(Schedule):
    """Class weights, sampler and mixing are in effect throughout."""

    name: Literal["constant"] = "constant"

    def at(self, progress: float) -> InEffect:
        """All of it, always."""
        return InEffect()
