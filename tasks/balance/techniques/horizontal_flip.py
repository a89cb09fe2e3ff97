"""Horizontal flip."""

from __future__ import annotations

from tasks.balance.techniques import Technique
from tasks.balance.transforms import Step


class HorizontalFlip(Technique):
    """Mirrors the image, left to right."""

    def step(self, strength: float = 1.0, why: str = "") -> Step:
        """A flip, which has no magnitude."""
        return Step("HorizontalFlip", {"p": self.p}, why)
