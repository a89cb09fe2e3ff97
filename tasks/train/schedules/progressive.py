"""Progressive sampling: from the data as they are to the sampler's draws, an epoch at a time (Kang et al. 2020)."""

from __future__ import annotations

from typing import Literal

from tasks.train.schedules import InEffect, Schedule


class Progressive(Schedule):
    """Classes are drawn with ``(1 - t) n_c / N + t q_c``: `t` is the progress at the epoch's start, `q` the sampler's.

    It needs several epochs: one that holds all steps of a fit is drawn naturally.
    """

    name: Literal["progressive"] = "progressive"

    @property
    def acts_on(self) -> frozenset[str]:
        """See `Schedule`."""
        return frozenset({"sampler"})

    def at(self, progress: float) -> InEffect:
        """See `Schedule`."""
        return InEffect(sampler=progress)
