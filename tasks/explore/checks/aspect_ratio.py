"""Aspect ratio: a network sees images squashed to a square, and how much they were squashed can give a class away."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from tasks.explore.comparison import Measure
from tasks.explore.properties import Property

if TYPE_CHECKING:
    import pandas as pd


class AspectRatio(Property):
    """Width over height."""

    name: Literal["aspect_ratio"] = "aspect_ratio"
    title = "Aspect ratio"
    question = "Are the images of some classes of another shape?"
    order = 45
    number = 2
    measures: ClassVar[dict[str, Measure]] = {
        "aspect_ratio": Measure("Aspect ratio", "Width over height: 1 is square, more is wide.", 2, logarithmic=True),
    }

    def from_catalog(self, catalog: pd.DataFrame) -> dict[str, np.ndarray]:
        """Width over height, after EXIF orientation."""
        return {"aspect_ratio": catalog["width"].to_numpy(dtype=float) / catalog["height"].to_numpy(dtype=float)}
