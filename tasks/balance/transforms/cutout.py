"""Cutout."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tasks.balance.steps import Step
from tasks.balance.transforms import Transform


class Cutout(Transform):
    """Fills a random square with the image's mean colour (DeVries and Taylor 2017).

    The authors fill with the mean of the dataset, which a network sees as zero. The image's own mean is at least as
    quiet: no black patch, and no colour that only new images have.
    """

    name: Literal["cutout"] = "cutout"
    side: float = Field(0.25, ge=0, le=0.9, description="Of the square, as a share of the image's shorter side.")

    def step(self, strength: float = 1.0, why: str = "") -> Step:
        """One square."""
        return Step("MeanCutout", {"side": round(min(0.9, self.side * strength), 6), "p": self.p}, why)
