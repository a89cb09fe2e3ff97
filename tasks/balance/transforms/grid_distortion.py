"""Grid distortion."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tasks.balance.steps import Needs, Step
from tasks.balance.transforms import LONGEST, Transform


class GridDistortion(Transform):
    """Stretches and squeezes the rows and columns of a grid; straight lines along them stay straight.

    Images with less than 16 pixels a side are left as they are: a cell needs some pixels.
    """

    name: Literal["grid_distortion"] = "grid_distortion"
    share: float = Field(0.3, ge=0, le=0.8, description="Largest change of a cell's height or width, as a share of it.")
    cells: int = Field(5, ge=2, le=16, description="Cells a side: more distort smaller parts.")

    def step(self, strength: float = 1.0, why: str = "") -> Step:
        """A distortion whose borders stay where they are, so that none has to be filled."""
        parameters = {"share": round(min(0.8, self.share * strength), 6), "cells": self.cells, "p": self.p}
        return Step("GridStretch", parameters, why, Needs(side=16, longest=LONGEST))
