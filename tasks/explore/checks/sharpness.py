"""Sharpness: differs with focus, motion, compression and earlier resizing, which may differ with the class."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tasks.explore.picture import SIDE
from tasks.explore.properties import Measure, Property

if TYPE_CHECKING:
    from tasks.explore.picture import Picture


class Sharpness(Property):
    """Variance of the Laplacian (Pech-Pacheco et al. 2000), on all images at the same size."""

    title = "Sharpness"
    question = "Are the images of some classes sharper?"
    order = 70
    measures: ClassVar[dict[str, Measure]] = {
        "sharpness": Measure(
            "Sharpness",
            f"Variance of the Laplacian at {SIDE} x {SIDE} pixels (grey levels 0 to 255); larger: sharper, or noisier.",
            0,
            logarithmic=True,
        )
    }

    def measure(self, picture: Picture) -> dict[str, float]:
        """Variance of the discrete Laplacian with four neighbours, without the border; in grey levels squared."""
        grey = picture.grey * 255
        laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * grey[1:-1, 1:-1]
        return {"sharpness": float(laplacian.var(dtype=np.float64))}
