"""Changes of training images that the network is told of, so that it learns from them and makes none of them.

What is told is zero for an image as it is, and zero when images are made (augmentation conditioning: Karras et al.
2022, appendix F.2, after Jun et al. 2020). Only changes that move pixels without mixing them: mirrored, turned by
quarters, shifted, with what comes in mirrored at the edge.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NUMBERS = 5  # mirrored across, mirrored down, axes exchanged, shifted down, shifted across
FARTHEST = 0.125  # shift at most, as a share of the side


def changed(
    images: NDArray[np.uint8], share: float, chance: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Images with each change in a share of them, and what was done.

    Parameters
    ----------
    images
        Shape (n, side, side, c).
    share
        Probability of each change, 0 to 1.
    chance
        Where chance comes from.

    Returns
    -------
    tuple of ndarray
        The images, and (n, `NUMBERS`), float32: 0 or 1 for what was mirrored or exchanged, -1 to 1 for shifts.
    """
    number, side = images.shape[:2]
    done = (chance.random((number, NUMBERS)) < share).astype(np.float32)
    farthest = int(side * FARTHEST)
    steps = np.rint(chance.uniform(-1, 1, (number, 2)) * farthest) * done[:, 3:]
    done[:, 3:] = steps / max(farthest, 1)
    places = np.arange(side)
    made = np.empty_like(images)
    for row, image in enumerate(images):
        across, down, exchanged = done[row, :3] > 0
        rows, columns = (_mirrored(places + int(step), side) for step in steps[row])
        moved = image[rows[::-1] if down else rows][:, columns[::-1] if across else columns]
        made[row] = moved.transpose(1, 0, 2) if exchanged else moved
    return made, done


def _mirrored(places: NDArray[np.int64], side: int) -> NDArray[np.int64]:
    """Places beyond an edge as those before it."""
    inside = np.abs(places)
    return np.where(inside >= side, 2 * side - 2 - inside, inside)
