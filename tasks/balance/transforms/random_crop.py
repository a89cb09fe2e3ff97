"""Random crop, scaled back to the image's size."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tasks.balance.steps import Step
from tasks.balance.transforms import LINEAR, Transform


class RandomCrop(Transform):
    """Cuts a random strip off each of the four sides and scales the rest back to the image's size."""

    name: Literal["random_crop"] = "random_crop"
    share: float = Field(0.2, ge=0, le=0.9, description="Most of the width, and of the height, that is cut off.")

    def step(self, strength: float = 1.0, why: str = "") -> Step:
        """A crop whose four strips are drawn apart, so that position, size and, a little, the proportions vary."""
        strip = [round(-min(0.9, self.share * strength) / 2, 6), 0.0]
        return Step("CropAndPad", {"percent": [strip] * 4, "interpolation": LINEAR, "p": self.p}, why)
