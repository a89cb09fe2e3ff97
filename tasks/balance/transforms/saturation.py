"""Saturation of colours."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tasks.balance.steps import Needs, Step
from tasks.balance.transforms import Transform, around


class Saturation(Transform):
    """Moves all colours away from grey, or towards it; grey images stay as they are."""

    name: Literal["saturation"] = "saturation"
    share: float = Field(0.3, ge=0, le=1, description="Largest change up or down, as a share: 0.3 is from 70 to 130 %.")

    def step(self, strength: float = 1.0, why: str = "") -> Step:
        """A colour jitter of the saturation only."""
        factors = around(1, min(1, self.share * strength))
        parameters = {"brightness": [1, 1], "contrast": [1, 1], "saturation": factors, "hue": [0, 0], "p": self.p}
        return Step("ColorJitter", parameters, why, Needs(colour=True))
