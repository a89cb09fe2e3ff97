"""Horizontal flip."""

from __future__ import annotations

from typing import Literal

from tasks.balance.steps import Step
from tasks.balance.transforms import Transform


class HorizontalFlip(Transform):
    """Mirrors the image, left to right."""

    name: Literal["horizontal_flip"] = "horizontal_flip"

    def step(self, strength: float = 1.0, why: str = "") -> Step:
        """A flip, which has no magnitude."""
        return Step("HorizontalFlip", {"p": self.p}, why)
