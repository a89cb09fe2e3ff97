"""Vertical flip."""

from __future__ import annotations

from tasks.balance.techniques import Technique
from tasks.balance.transforms import Step


class VerticalFlip(Technique):
    """Mirrors the image, top to bottom."""

    def step(self, strength: float = 1.0, why: str = "") -> Step:
        """A flip, which has no magnitude."""
        return Step("VerticalFlip", {"p": self.p}, why)
