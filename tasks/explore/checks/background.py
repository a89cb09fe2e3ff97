"""Background: photos of one class are often taken in one place, and a network learns the place.

The border of an image is where its background mostly is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from tasks.explore.checks import Finding
from tasks.explore.class_spread import compare_spreads
from tasks.explore.comparison import Measure
from tasks.explore.picture import INNER, LEVELS, middle
from tasks.explore.properties import Property

if TYPE_CHECKING:
    from tasks.explore.dataset import Dataset
    from tasks.explore.picture import Picture

CENTRE = 1 / 2  # of a side
LAB = ("border_lightness", "border_green_red", "border_blue_yellow")


class Background(Property):
    """Colour and evenness of the border, and how it differs from the centre."""

    name: Literal["background"] = "background"
    title = "Background"
    question = "Are the borders of the images alike within a class, and different between classes?"
    order = 90
    number = 10
    blind = "a background in the middle, an object that fills the image, and what a background shows beyond its colour"
    measures: ClassVar[dict[str, Measure]] = {
        "border_brightness": Measure(
            "Brightness of the border", "Mean luminance of the outer eighth on each side, 0 to 1.", 3
        ),
        "border_contrast": Measure(
            "Contrast of the border", "Standard deviation of its luminance: 0 is an even background.", 3
        ),
        "border_difference": Measure(
            "Border against centre",
            "Distance of their mean colours in CIELAB (ΔE): below 2 hardly seen, above 50 another colour.",
            1,
        ),
    }

    def measure(self, picture: Picture) -> dict[str, float]:
        """The three measures, and the mean colour of the border in CIELAB."""
        import cv2

        brightness = float(picture.border_histogram @ LEVELS)
        whole, inner, centre = (
            np.array(cv2.mean(part)[:3]) / 255
            for part in (picture.rgb, middle(picture.rgb, INNER), middle(picture.rgb, CENTRE))
        )
        border = (whole - INNER**2 * inner) / (1 - INNER**2)
        colours = np.array([[border, centre]], dtype=np.float32)
        border, centre = cv2.cvtColor(colours, cv2.COLOR_RGB2LAB)[0].astype(np.float64)
        return {
            "border_brightness": brightness,
            "border_contrast": float(picture.border_histogram @ (LEVELS - brightness) ** 2) ** 0.5,
            "border_difference": float(np.linalg.norm(border - centre)),
            **dict(zip(LAB, border.round(2).tolist(), strict=True)),  # what is grey must not differ by rounding
        }

    def summarise(self, dataset: Dataset) -> Finding:
        """As for every property, and how alike the border colours of a class are."""
        found = super().summarise(dataset)
        alike = compare_spreads(dataset, LAB, "colour of the border", "backgrounds")
        return Finding(
            found.numbers | {"likeness": alike.numbers},
            [*found.blocks, *alike.blocks],
            [*found.watch, *alike.watch],
        )
