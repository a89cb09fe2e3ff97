"""Brightness: differs with the light, the exposure and the device, which may differ with the class."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from tasks.explore.comparison import Measure
from tasks.explore.picture import LEVELS
from tasks.explore.properties import Property

if TYPE_CHECKING:
    from tasks.explore.picture import Picture


class Brightness(Property):
    """The luminance: its mean, its dark end and its bright end."""

    name: Literal["brightness"] = "brightness"
    title = "Brightness"
    question = "Are the images of some classes brighter?"
    order = 60
    number = 4
    measures: ClassVar[dict[str, Measure]] = {
        "brightness": Measure("Brightness", "Mean luminance: 0 is black, 1 is white.", 3),
        "shadows": Measure("Dark end", "Luminance below which the darkest 5% of the pixels lie, 0 to 1.", 3),
        "highlights": Measure("Bright end", "Luminance above which the brightest 1% of the pixels lie, 0 to 1.", 3),
    }

    def measure(self, picture: Picture) -> dict[str, float]:
        """Mean, 5th and 99th percentile of the luminance, in [0, 1]."""
        shadows, highlights = picture.histogram.cumsum().searchsorted((0.05, 0.99))
        return {
            "brightness": float(picture.histogram @ LEVELS),
            "shadows": float(LEVELS[shadows]),
            "highlights": float(LEVELS[highlights]),
        }
