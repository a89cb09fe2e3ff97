"""Salt-and-pepper noise."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tasks.balance.steps import Step
from tasks.balance.transforms import Transform, up_to


class SaltAndPepper(Transform):
    """Makes single pixels white or black, about as many of the ones as of the others, as dead sensor cells are."""

    name: Literal["salt_and_pepper"] = "salt_and_pepper"
    share: float = Field(0.01, ge=0, le=0.5, description="Most of the pixels that are hit, as a share.")

    def step(self, strength: float = 1.0, why: str = "") -> Step:
        """Impulses on a share of the pixels that is drawn from a fifth of the largest to the largest."""
        return Step("SaltAndPepper", {"amount": up_to(min(0.5, self.share * strength)), "p": self.p}, why)
