"""Turns by 90, 180 and 270 degrees."""

from __future__ import annotations

from tasks.balance.techniques import Technique
from tasks.balance.transforms import Needs, Step


class QuarterTurns(Technique):
    """Turns a square image by a random multiple of 90 degrees, zero among them; no pixel is interpolated.

    Images that are not square are left as they are: turned, they would have to be squashed into their old size.
    """

    def step(self, strength: float = 1.0, why: str = "") -> Step:
        """A turn, which has no magnitude."""
        return Step("RandomRotate90", {"p": self.p}, why, Needs(square=True))
