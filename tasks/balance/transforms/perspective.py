"""Perspective."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tasks.balance.steps import Needs, Step
from tasks.balance.transforms import Transform


class Perspective(Transform):
    """Looks at the image aslant: points near its corners become the corners, what lies outside them is lost.

    Images with less than 8 pixels a side are left as they are.
    """

    name: Literal["perspective"] = "perspective"
    share: float = Field(
        0.1, ge=0, le=0.4, description="Largest distance of a point from its corner, as a share of the side."
    )

    def step(self, strength: float = 1.0, why: str = "") -> Step:
        """A homography that shows only what the image has, so that no border has to be filled."""
        share = round(min(0.4, self.share * strength), 6)
        return Step("PerspectiveView", {"share": share, "p": self.p}, why, Needs(side=8))
