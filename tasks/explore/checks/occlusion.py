"""Occlusion: where a class is often cut off or covered, a network may learn the cut, or never see the whole.

What touches the border is cut off there, or is background that isn't even.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from tasks.explore.comparison import Measure
from tasks.explore.properties import Property

if TYPE_CHECKING:
    from tasks.explore.picture import Picture

DIFFERENT = 32  # grey levels, an eighth of the scale


class Occlusion(Property):
    """How much of the border isn't what most of the border is."""

    name: Literal["occlusion"] = "occlusion"
    title = "Cut off or covered"
    question = "Do objects of some classes touch the border more often?"
    order = 94
    number = 10
    blind = "what covers an object within the image, and a cut object as bright as its background"
    measures: ClassVar[dict[str, Measure]] = {
        "border_touched": Measure(
            "Touched border",
            f"Share of the border's pixels whose luminance differs from the border's median by more than {DIFFERENT} "
            "of 255.",
            3,
        ),
    }

    def measure(self, picture: Picture) -> dict[str, float]:
        """The share, in [0, 1]."""
        median = int(np.searchsorted(picture.border_histogram.cumsum(), 0.5))
        alike = picture.border_histogram[max(0, median - DIFFERENT) : median + DIFFERENT + 1].sum()
        return {"border_touched": max(0.0, 1.0 - float(alike))}
