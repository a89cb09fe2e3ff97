"""Sharpness: differs with focus, motion, compression and earlier resizing, which may differ with the class."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from tasks.explore.comparison import Measure
from tasks.explore.picture import SIDE
from tasks.explore.properties import Property
from tasks.fingerprints import sharpness

if TYPE_CHECKING:
    import pandas as pd

    from tasks.explore.picture import Picture


class Sharpness(Property):
    """Variance of the Laplacian (Pech-Pacheco et al. 2000), as the file has it and at the same size for all images."""

    name: Literal["sharpness"] = "sharpness"
    title = "Sharpness"
    question = "Are the images of some classes sharper?"
    order = 70
    number = 5
    measures: ClassVar[dict[str, Measure]] = {
        "sharpness": Measure(
            "Sharpness, full size",
            "Variance of the Laplacian of all pixels (grey levels 0 to 255); larger: sharper, noisier, or smaller.",
            0,
            logarithmic=True,
        ),
        "sharpness_reduced": Measure(
            f"Sharpness, {SIDE} px",
            f"The same at {SIDE} x {SIDE} pixels: as a network sees the image, whatever the size of its file.",
            0,
            logarithmic=True,
        ),
    }

    def measure(self, picture: Picture) -> dict[str, float]:
        """Variance of the Laplacian of the view."""
        return {"sharpness_reduced": sharpness(picture.grey)}

    def from_catalog(self, catalog: pd.DataFrame) -> dict[str, np.ndarray]:
        """The same at full resolution, as `ingest` found it."""
        return {"sharpness": catalog["sharpness"].to_numpy(dtype=float)}
