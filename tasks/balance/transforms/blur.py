"""Gaussian blur."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tasks.balance.steps import Step
from tasks.balance.transforms import Transform, up_to


class Blur(Transform):
    """Blurs with a Gaussian, as a lens out of focus does."""

    name: Literal["blur"] = "blur"
    pixels: float = Field(1, ge=0.05, le=20, description="Largest standard deviation, in pixels.")

    def step(self, strength: float = 1.0, why: str = "") -> Step:
        """A blur whose deviation is drawn from a fifth of the largest to the largest."""
        return Step("GaussianBlur", {"sigma_limit": up_to(self.pixels * strength), "blur_limit": 0, "p": self.p}, why)
