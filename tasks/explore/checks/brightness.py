"""Brightness: differs with the light, the exposure and the device, which may differ with the class."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tasks.explore.properties import Measure, Property

if TYPE_CHECKING:
    from tasks.explore.picture import Picture


class Brightness(Property):
    """Mean luminance."""

    title = "Brightness"
    question = "Are the images of some classes brighter?"
    order = 50
    measures: ClassVar[dict[str, Measure]] = {
        "brightness": Measure("Brightness", "Mean luminance: 0 is black, 1 is white.", 3)
    }

    def measure(self, picture: Picture) -> dict[str, float]:
        """Mean luminance in [0, 1]."""
        return {"brightness": float(picture.grey.mean(dtype=np.float64))}
