"""Brightness."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tasks.balance.steps import Step
from tasks.balance.transforms import Transform, around


class Brightness(Transform):
    """Multiplies all values, as a longer exposure or stronger light does; what is then too bright is cut off."""

    name: Literal["brightness"] = "brightness"
    share: float = Field(0.2, ge=0, le=0.9, description="Largest change up or down, as a share: 0.2: 80 to 120 %.")

    def step(self, strength: float = 1.0, why: str = "") -> Step:
        """A colour jitter of the brightness only."""
        factors = around(1, min(0.9, self.share * strength))
        parameters = {"brightness": factors, "contrast": [1, 1], "saturation": [1, 1], "hue": [0, 0], "p": self.p}
        return Step("ColorJitter", parameters, why)
