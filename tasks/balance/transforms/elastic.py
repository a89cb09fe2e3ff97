"""Elastic deformation."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tasks.balance.steps import Needs, Step
from tasks.balance.transforms import LONGEST, Transform


class Elastic(Transform):
    """Bends the image: random displacements of a coarse grid, smooth in between (Ronneberger et al. 2015).

    Images with less than 8 pixels a side are left as they are: there is nothing to bend.
    """

    name: Literal["elastic"] = "elastic"
    displacement: float = Field(
        0.02, ge=0, le=0.2, description="Standard deviation of a grid point's shift, as a share of the shorter side."
    )
    points: int = Field(4, ge=2, le=16, description="Grid points a side: more bend smaller parts.")

    def step(self, strength: float = 1.0, why: str = "") -> Step:
        """A displacement that is drawn at the points of a grid."""
        displacement = round(min(0.2, self.displacement * strength), 6)
        parameters = {"displacement": displacement, "points": self.points, "p": self.p}
        return Step("ElasticGrid", parameters, why, Needs(side=8, longest=LONGEST))
