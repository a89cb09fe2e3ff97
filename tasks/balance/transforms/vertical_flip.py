"""Vertical flip."""

from __future__ import annotations

from typing import Literal

from tasks.balance.steps import Step
from tasks.balance.transforms import Transform


class VerticalFlip(Transform):
    """Mirrors the image, top to bottom."""

    name: Literal["vertical_flip"] = "vertical_flip"

    def step(self, strength: float = 1.0, why: str = "") -> Step:
        """A flip, which has no magnitude."""
        return Step("VerticalFlip", {"p": self.p}, why)
