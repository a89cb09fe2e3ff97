"""Contrast: differs with the exposure, the device and how files were edited, which may differ with the class."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from tasks.explore.comparison import Measure
from tasks.explore.picture import LEVELS
from tasks.explore.properties import Property

if TYPE_CHECKING:
    from tasks.explore.picture import Picture

CLIPPED = 2  # grey levels from either end, where a sensor or an editor has cut off the light


class Contrast(Property):
    """Root mean square contrast (Peli 1990), and pixels at the end of the scale."""

    name: Literal["contrast"] = "contrast"
    title = "Contrast"
    question = "Do the images of some classes have more contrast, or more pixels without any detail?"
    order = 62
    number = 4
    measures: ClassVar[dict[str, Measure]] = {
        "contrast": Measure(
            "Contrast", "Standard deviation of the luminance: 0 is one even grey, 0.5 is half black and half white.", 3
        ),
        "clipped": Measure("Clipped", "Share of the pixels that are black or white, or all but.", 3),
    }

    def measure(self, picture: Picture) -> dict[str, float]:
        """Standard deviation of the luminance, in [0, 0.5], and the share of clipped pixels, in [0, 1]."""
        histogram = picture.histogram
        return {
            "contrast": float(histogram @ (LEVELS - histogram @ LEVELS) ** 2) ** 0.5,
            "clipped": float(histogram[: CLIPPED + 1].sum() + histogram[-CLIPPED - 1 :].sum()),
        }
