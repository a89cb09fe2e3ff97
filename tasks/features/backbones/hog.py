"""Histograms of oriented gradients: which way edges run, place by place (Dalal and Triggs, CVPR 2005)."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from tasks.features.hand_made import HandMade, scikit_image

BLOCK = 2  # cells a side over which contrast is evened out


class Hog(HandMade):
    """``(cells - 1)^2 * 4 * orientations`` features, 1,764 with the defaults, 0 to 1; needs the extra ``handmade``.

    Gradients of the colour channel in which they are largest; blocks of 2 x 2 cells, normalised with clipping (L2-Hys).
    """

    name: Literal["hog"] = "hog"
    packages: ClassVar[tuple[str, ...]] = ("scikit-image", "scipy", "numpy")
    cells: int = Field(8, ge=2, le=64, description="Cells a side of the image; more tell places apart more finely.")
    orientations: int = Field(9, ge=2, le=36, description="Directions of half a turn that are told apart in a cell.")

    @model_validator(mode="after")
    def _cells_fit(self) -> Self:
        if self.image_size % self.cells:
            size = max(32, round(self.image_size / self.cells) * self.cells)
            raise ValueError(
                f"image_size {self.image_size} can't be cut into {self.cells} cells a side; choose a multiple of "
                f"{self.cells}, such as {size if size % self.cells == 0 else size + self.cells - size % self.cells}"
            )
        return self

    @property
    def dimensions(self) -> int:
        """See `Backbone`."""
        return (self.cells - BLOCK + 1) ** 2 * BLOCK**2 * self.orientations

    def describe(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """See `HandMade`."""
        side = self.image_size // self.cells
        made: NDArray[np.float64] = scikit_image("feature").hog(
            pixels,
            orientations=self.orientations,
            pixels_per_cell=(side, side),
            cells_per_block=(BLOCK, BLOCK),
            block_norm="L2-Hys",
            channel_axis=-1,
        )
        return made
