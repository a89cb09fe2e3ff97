"""Hue of colours."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tasks.balance.steps import Needs, Step
from tasks.balance.transforms import Transform, around


class Hue(Transform):
    """Turns all colours along the colour circle; grey images stay as they are."""

    name: Literal["hue"] = "hue"
    degrees: float = Field(10, ge=0, le=180, description="Largest turn to either side, in degrees of 360.")

    def step(self, strength: float = 1.0, why: str = "") -> Step:
        """A colour jitter of the hue only."""
        turn = around(0, min(180, self.degrees * strength) / 360)
        parameters = {"brightness": [1, 1], "contrast": [1, 1], "saturation": [1, 1], "hue": turn, "p": self.p}
        return Step("ColorJitter", parameters, why, Needs(colour=True))
