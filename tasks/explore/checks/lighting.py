"""Lighting: one lamp on one bench lights all photos of a session from one side.

A plane through the luminance tells from where light falls, if it falls on an even scene.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from tasks.explore.checks import Finding
from tasks.explore.class_spread import compare_spreads
from tasks.explore.comparison import Measure
from tasks.explore.picture import SIDE
from tasks.explore.properties import Property

if TYPE_CHECKING:
    from tasks.explore.dataset import Dataset
    from tasks.explore.picture import Picture

ACROSS = (np.arange(SIDE) - (SIDE - 1) / 2) / SIDE  # from the left edge, -0.5, to the right one, 0.5
DIRECTION = ("light_right", "light_down")


class Lighting(Property):
    """Direction and strength of the plane that fits the luminance best (least squares)."""

    name: Literal["lighting"] = "lighting"
    title = "Lighting"
    question = "Does the light come from the same side within a class, and from another in other classes?"
    order = 92
    number = 10
    blind = "whether a side is bright from light or from what stands there, several lamps, shadows that cancel out"
    measures: ClassVar[dict[str, Measure]] = {
        "light_right": Measure("Brighter to the right", "Gain of luminance from the left edge to the right one.", 3),
        "light_down": Measure("Brighter to the bottom", "Gain of luminance from the top edge to the bottom one.", 3),
        "light_strength": Measure("Uneven light", "Gain of luminance across the image in its steepest direction.", 3),
    }

    def measure(self, picture: Picture) -> dict[str, float]:
        """Gains of the luminance (0 to 1) over the width, the height, and a length of the view along the slope."""
        import cv2

        rows = cv2.reduce(picture.grey, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel() / (255 * SIDE)
        columns = cv2.reduce(picture.grey, 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel() / (255 * SIDE)
        right, down = (float((ACROSS * means).sum() / (ACROSS**2).sum()) for means in (columns, rows))
        return {"light_right": right, "light_down": down, "light_strength": float(np.hypot(right, down))}

    def summarise(self, dataset: Dataset) -> Finding:
        """As for every property, and how alike the light of a class is."""
        found = super().summarise(dataset)
        alike = compare_spreads(dataset, DIRECTION, "direction and strength of the light", "lighting")
        return Finding(
            found.numbers | {"likeness": alike.numbers},
            [*found.blocks, *alike.blocks],
            [*found.watch, *alike.watch],
        )
