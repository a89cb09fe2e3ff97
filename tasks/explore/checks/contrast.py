"""Contrast: differs with the exposure, the device and how files were edited, which may differ with the class."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tasks.explore.properties import Measure, Property

if TYPE_CHECKING:
    from tasks.explore.picture import Picture


class Contrast(Property):
    """Root mean square contrast (Peli 1990)."""

    title = "Contrast"
    question = "Do the images of some classes have more contrast?"
    order = 60
    measures: ClassVar[dict[str, Measure]] = {
        "contrast": Measure(
            "Contrast", "Standard deviation of the luminance: 0 is one even grey, 0.5 is half black and half white.", 3
        )
    }

    def measure(self, picture: Picture) -> dict[str, float]:
        """Standard deviation of the luminance, in [0, 0.5]."""
        return {"contrast": float(picture.grey.std(dtype=np.float64))}
