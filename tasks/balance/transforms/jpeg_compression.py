"""JPEG compression."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tasks.balance.steps import Needs, Step
from tasks.balance.transforms import Transform


class JpegCompression(Transform):
    """Writes the image as a JPEG and reads it again: blocks and rings as in files that were saved often.

    Images of more than 8 bits are left as they are: no camera makes a JPEG of such, and it would take their depth.
    """

    name: Literal["jpeg_compression"] = "jpeg_compression"
    quality: int = Field(60, ge=1, le=100, description="Lowest quality, as libjpeg counts it: 1 to 100.")

    def step(self, strength: float = 1.0, why: str = "") -> Step:
        """A compression; `strength` multiplies the distance to 100, a fifth of which is the least."""
        loss = (100 - self.quality) * strength
        qualities = [max(1, round(100 - loss)), max(1, round(100 - loss / 5))]
        return Step("ImageCompression", {"quality_range": qualities, "p": self.p}, why, Needs(eight_bits=True))
