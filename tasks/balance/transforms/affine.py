"""Rotation, translation and scaling at once."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tasks.balance.steps import Step
from tasks.balance.transforms import LINEAR, REFLECT, Transform, around


class Affine(Transform):
    """Turns, shifts and scales in one go: the pixels are interpolated once, not three times."""

    name: Literal["affine"] = "affine"
    degrees: float = Field(3, ge=0, le=180, description="Largest angle to either side, in degrees.")
    share: float = Field(0.05, ge=0, le=0.5, description="Largest shift, as a share of the width and of the height.")
    shrink: float = Field(0, ge=0, le=0.9, description="Largest reduction, as a share: 0.1 is to 90 %.")
    enlarge: float = Field(0.1, ge=0, le=3, description="Largest enlargement, as a share: 0.1 is to 110 %.")

    def step(self, strength: float = 1.0, why: str = "") -> Step:
        """An affine change without shear."""
        shift = around(0, min(0.5, self.share * strength))
        parameters = {
            "scale": [round(1 - min(0.9, self.shrink * strength), 6), round(1 + self.enlarge * strength, 6)],
            "keep_ratio": True,
            "translate_percent": {"x": shift, "y": shift},
            "rotate": around(0, min(180, self.degrees * strength)),
            "interpolation": LINEAR,
            "border_mode": REFLECT,
            "p": self.p,
        }
        return Step("Affine", parameters, why)
