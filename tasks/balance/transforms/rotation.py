"""Rotation by a random angle about the centre."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tasks.balance.steps import Step
from tasks.balance.transforms import LINEAR, REFLECT, Transform, around


class Rotation(Transform):
    """Turns the image about its centre, borders filled by reflection."""

    name: Literal["rotation"] = "rotation"
    degrees: float = Field(10, ge=0, le=180, description="Largest angle to either side, in degrees.")

    def step(self, strength: float = 1.0, why: str = "") -> Step:
        """An affine change with a rotation only."""
        angles = around(0, min(180, self.degrees * strength))
        return Step("Affine", {"rotate": angles, "interpolation": LINEAR, "border_mode": REFLECT, "p": self.p}, why)
