"""Scaling about the centre, both sides alike."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tasks.balance.steps import Step
from tasks.balance.transforms import LINEAR, REFLECT, Transform


class Scaling(Transform):
    """Enlarges or shrinks what the image shows; the size of the image stays, gaps are filled by reflection."""

    name: Literal["scaling"] = "scaling"
    shrink: float = Field(0.1, ge=0, le=0.9, description="Largest reduction, as a share: 0.1 is to 90 %.")
    enlarge: float = Field(0.1, ge=0, le=3, description="Largest enlargement, as a share: 0.1 is to 110 %.")

    def step(self, strength: float = 1.0, why: str = "") -> Step:
        """An affine change with one scale for both axes."""
        scale = [round(1 - min(0.9, self.shrink * strength), 6), round(1 + self.enlarge * strength, 6)]
        parameters = {
            "scale": scale,
            "keep_ratio": True,
            "interpolation": LINEAR,
            "border_mode": REFLECT,
            "p": self.p,
        }
        return Step("Affine", parameters, why)
