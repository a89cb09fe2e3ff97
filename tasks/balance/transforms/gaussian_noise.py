"""Gaussian noise."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tasks.balance.steps import Step
from tasks.balance.transforms import Transform, up_to


class GaussianNoise(Transform):
    """Adds to every value of every pixel a normal random number, as a sensor does in little light."""

    name: Literal["gaussian_noise"] = "gaussian_noise"
    levels: float = Field(
        8, ge=0, le=128, description="Largest standard deviation, in grey levels of 255 (of the own scale, if deeper)."
    )

    def step(self, strength: float = 1.0, why: str = "") -> Step:
        """Noise whose deviation is drawn from a fifth of the largest to the largest."""
        return Step("GaussNoise", {"std_range": up_to(min(1, self.levels * strength / 255)), "p": self.p}, why)
