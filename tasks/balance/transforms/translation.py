"""Translation by whole pixels."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tasks.balance.steps import Step
from tasks.balance.transforms import NEAREST, REFLECT, Transform, around


class Translation(Transform):
    """Shifts the image by whole pixels, so that nothing is blurred; the gap is filled by reflection."""

    name: Literal["translation"] = "translation"
    share: float = Field(0.1, ge=0, le=0.5, description="Largest shift, as a share of the width and of the height.")

    def step(self, strength: float = 1.0, why: str = "") -> Step:
        """An affine change with a shift only."""
        shift = around(0, min(0.5, self.share * strength))
        parameters = {
            "translate_percent": {"x": shift, "y": shift},
            "interpolation": NEAREST,
            "border_mode": REFLECT,
            "p": self.p,
        }
        return Step("Affine", parameters, why)
