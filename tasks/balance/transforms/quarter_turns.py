"""Turns by 90, 180 and 270 degrees."""

from __future__ import annotations

from typing import Literal

from tasks.balance.steps import Needs, Step
from tasks.balance.transforms import Transform


class QuarterTurns(Transform):
    """Turns a square image by a random multiple of 90 degrees, zero among them; no pixel is interpolated.

    Images that are not square are left as they are: turned, they would have to be squashed into their old size.
    """

    name: Literal["quarter_turns"] = "quarter_turns"

    def step(self, strength: float = 1.0, why: str = "") -> Step:
        """A turn, which has no magnitude."""
        return Step("RandomRotate90", {"p": self.p}, why, Needs(square=True))
