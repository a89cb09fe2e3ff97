"""Edges: drawings, textures and blurred photos differ in how much of an image is edge and how much is smooth."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from tasks.explore.comparison import Measure
from tasks.explore.properties import Property

if TYPE_CHECKING:
    from tasks.explore.picture import Picture

EDGE = 24.0  # grey levels a pixel: a visible step, well above the noise of a camera
SMOOTH = 3.0  # below what an eye tells apart, and about what 8 bits and JPEG leave in an even area


class Edges(Property):
    """Share of the pixels with a strong gradient, and with next to none (Sobel)."""

    name: Literal["edges"] = "edges"
    title = "Edges"
    question = "Do the images of some classes hold more edges, or more smooth areas?"
    order = 72
    number = 5
    measures: ClassVar[dict[str, Measure]] = {
        "edges": Measure("Edges", f"Share of the pixels where the luminance changes by {EDGE:.0f} of 255 or more.", 3),
        "smooth": Measure("Smooth areas", f"Share of the pixels where it changes by less than {SMOOTH:.0f}.", 3),
    }

    def measure(self, picture: Picture) -> dict[str, float]:
        """Shares of the view's pixels, in [0, 1]."""
        import cv2

        steepness = cv2.magnitude(*picture.gradients)  # of eight pixels
        return {
            "edges": np.count_nonzero(steepness >= 8 * EDGE) / steepness.size,
            "smooth": np.count_nonzero(steepness < 8 * SMOOTH) / steepness.size,
        }
