"""Random erasing."""

from __future__ import annotations

from math import sqrt
from typing import Literal, Self

from pydantic import Field, model_validator

from tasks.balance.steps import Step
from tasks.balance.transforms import Transform


class RandomErasing(Transform):
    """Fills a random rectangle with random values a pixel (Zhong et al. 2020).

    Of four fills the authors found random values and the mean better than black and white, and chose random values.
    They can't be taken for the content of any class; but noise itself is a trace: use it for all classes, or none.
    """

    name: Literal["random_erasing"] = "random_erasing"
    smallest: float = Field(0.02, ge=0, le=0.9, description="Least area, as a share of the image.")
    largest: float = Field(0.2, ge=0, le=0.9, description="Most area, as a share of the image.")

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.smallest > self.largest:
            raise ValueError(f"smallest: {self.smallest} is more than largest: {self.largest}")
        return self

    def step(self, strength: float = 1.0, why: str = "") -> Step:
        """One hole, whose height and width are drawn apart; areas times `strength`."""
        sides = [round(sqrt(min(0.9, area * strength)), 6) for area in (self.smallest, self.largest)]
        parameters = {
            "num_holes_range": [1, 1],
            "hole_height_range": sides,
            "hole_width_range": sides,
            "fill": "random",
            "p": self.p,
        }
        return Step("CoarseDropout", parameters, why)
