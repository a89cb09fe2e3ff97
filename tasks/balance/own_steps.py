"""Steps that albumentations 2.0.8 lacks, or has in a form that would give new images away.

- its elastic deformation has a strength and a smoothness in pixels, which fit one size of image;
- its grid distortion doubles a row and a column of pixels at every line of the grid, also at strength 0;
- its perspective is scaled twice, and so loses more than twice as much on the right and below as on the left and above;
- its cutout knows only constant fills, which are black, white or grey whatever the image shows.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[Any]
Change = Callable[..., tuple[Pixels, Pixels | None]]


def elastic_grid(
    colours: Pixels, alpha: Pixels | None, numbers: np.random.Generator, displacement: float, points: int
) -> tuple[Pixels, Pixels | None]:
    """Elastic deformation: a coarse grid of random displacements, smooth in between (Ronneberger et al. 2015).

    Parameters
    ----------
    colours, alpha
        Shape (h, w, c) and (h, w).
    numbers
        Where chance comes from.
    displacement
        Standard deviation of a grid point's displacement, as a share of the shorter side.
    points
        Grid points a side.
    """
    height, width = colours.shape[:2]
    offsets = numbers.normal(0, displacement * min(height, width), (2, points, points)).astype(np.float32)
    right, down = (cv2.resize(offset, (width, height), interpolation=cv2.INTER_CUBIC) for offset in offsets)
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return _remapped(colours, alpha, columns + right, rows + down)


def grid_stretch(
    colours: Pixels, alpha: Pixels | None, numbers: np.random.Generator, share: float, cells: int
) -> tuple[Pixels, Pixels | None]:
    """Grid distortion: rows and columns of a grid become wider and narrower; the borders stay where they are.

    Parameters
    ----------
    colours, alpha
        Shape (h, w, c) and (h, w).
    numbers
        Where chance comes from.
    share
        Largest change of a cell's width or height, as a share of it, below 1.
    cells
        Cells a side.
    """

    def stretched(length: int) -> NDArray[np.float32]:
        widths = 1 + numbers.uniform(-share, share, cells)
        lines = np.concatenate([[0], np.cumsum(widths)]) / widths.sum() * (length - 1)
        places = np.interp(np.arange(length), np.linspace(0, length - 1, cells + 1), lines)
        return np.asarray(places, dtype=np.float32)

    columns, rows = np.meshgrid(stretched(colours.shape[1]), stretched(colours.shape[0]))
    return _remapped(colours, alpha, columns, rows)


def perspective_view(
    colours: Pixels, alpha: Pixels | None, numbers: np.random.Generator, share: float
) -> tuple[Pixels, Pixels | None]:
    """A perspective: four points near the corners become the corners, so that no border has to be filled.

    Parameters
    ----------
    colours, alpha
        Shape (h, w, c) and (h, w).
    numbers
        Where chance comes from.
    share
        Largest distance of a point from its corner along each side, as a share of the side.
    """
    height, width = colours.shape[:2]
    ends = np.array([width - 1, height - 1], dtype=np.float32)
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=np.float32)
    inwards = (1 - 2 * corners) * numbers.uniform(0, share, (4, 2)).astype(np.float32)
    matrix = cv2.getPerspectiveTransform((corners + inwards) * ends, corners * ends)

    def seen(pixels: Pixels, interpolation: int) -> Pixels:
        size = (width, height)
        view = cv2.warpPerspective(pixels, matrix, size, flags=interpolation, borderMode=cv2.BORDER_REFLECT_101)
        return view.reshape(pixels.shape)

    return seen(colours, cv2.INTER_LINEAR), None if alpha is None else seen(alpha, cv2.INTER_NEAREST)


def _remapped(
    colours: Pixels, alpha: Pixels | None, columns: NDArray[np.float32], rows: NDArray[np.float32]
) -> tuple[Pixels, Pixels | None]:
    """What stands at `columns` and `rows`, (h, w), beyond the border by reflection."""

    def moved(pixels: Pixels, interpolation: int) -> Pixels:
        taken = cv2.remap(pixels, columns, rows, interpolation, borderMode=cv2.BORDER_REFLECT_101)
        return taken.reshape(pixels.shape)

    return moved(colours, cv2.INTER_LINEAR), None if alpha is None else moved(alpha, cv2.INTER_NEAREST)


def mean_cutout(
    colours: Pixels, alpha: Pixels | None, numbers: np.random.Generator, side: float
) -> tuple[Pixels, Pixels | None]:
    """One square of the image's mean colour (DeVries and Taylor 2017, who fill with the mean of the data).

    Parameters
    ----------
    colours, alpha
        Shape (h, w, c) and (h, w).
    numbers
        Where chance comes from.
    side
        Of the square, as a share of the shorter side; at least a pixel.
    """
    height, width = colours.shape[:2]
    pixels = max(1, round(side * min(height, width)))
    top, left = numbers.integers(0, (height - pixels + 1, width - pixels + 1))
    mean = colours.mean(axis=(0, 1), dtype=np.float64)
    changed = colours.copy()
    changed[top : top + pixels, left : left + pixels] = mean.round() if colours.dtype == np.uint8 else mean
    return changed, alpha


OWN: dict[str, Change] = {
    "ElasticGrid": elastic_grid,
    "GridStretch": grid_stretch,
    "MeanCutout": mean_cutout,
    "PerspectiveView": perspective_view,
}


class OwnStep:
    """A change with the manners of albumentations' transforms: a probability, and a stream that is set from outside."""

    def __init__(self, change: Change, p: float, **parameters: Any) -> None:
        self.change = change
        self.p = p
        self.parameters = parameters
        self.params: dict[str, Any] = {}
        """Those of the last call; empty where the step did not happen."""

    def set_random_state(self, numbers: np.random.Generator, chance: random.Random) -> None:
        """Draw from these from now on."""
        self.numbers, self.chance = numbers, chance

    def __call__(self, image: Pixels, mask: Pixels | None = None, **rest: Any) -> dict[str, Any]:
        """The data, changed with probability `p`."""
        self.params = self.parameters if self.chance.random() < self.p else {}
        if self.params:
            image, mask = self.change(image, mask, self.numbers, **self.parameters)
        return {"image": image, "mask": mask, **rest}
