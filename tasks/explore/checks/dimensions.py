"""Dimensions: images of one class often come from one device, and their size gives the class away."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from tasks.explore.comparison import Measure
from tasks.explore.properties import Property

if TYPE_CHECKING:
    import pandas as pd


class Dimensions(Property):
    """Pixels a side, and what a pixel takes in the file."""

    name: Literal["dimensions"] = "dimensions"
    title = "Dimensions"
    question = "Are the images of some classes larger, or compressed harder?"
    order = 40
    number = 1
    measures: ClassVar[dict[str, Measure]] = {
        "width": Measure("Width", "Pixels from left to right, after EXIF orientation.", 0, logarithmic=True),
        "height": Measure("Height", "Pixels from top to bottom, after EXIF orientation.", 0, logarithmic=True),
        "bits_per_pixel": Measure(
            "Bits a pixel", "Size of the file over the number of pixels: less is simpler, or pressed harder.", 2, True
        ),
    }

    def from_catalog(self, catalog: pd.DataFrame) -> dict[str, np.ndarray]:
        """Width and height in pixels, and the bits of the file a pixel."""
        width, height, size = (catalog[name].to_numpy(dtype=float) for name in ("width", "height", "bytes"))
        return {"width": width, "height": height, "bits_per_pixel": 8 * size / (width * height)}
