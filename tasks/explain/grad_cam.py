"""Grad-CAM: which places of an image speak for a class (Selvaraju et al., ICCV 2017).

The backbone's last maps are weighed by how much the class's score rises with each of them, on average over all places,
and summed; what speaks against the class is left out. Where the score is linear in the features, as of the family
`head` without a hidden layer, this is the class activation map (Zhou et al., CVPR 2016), and a place's value is what it
adds to the score.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from tasks.network import Network


def grad_cam(network: Network, pixels: NDArray[np.uint8], codes: Sequence[int]) -> NDArray[np.float64]:
    """How much each place speaks for some classes.

    Parameters
    ----------
    network
        A model on a backbone.
    pixels
        A decoded image, shape (h, w, 3).
    codes
        Of C classes.

    Returns
    -------
    numpy.ndarray
        Shape (C, y, x), at least 0, for the cells of the backbone's last maps.
    """
    with torch.no_grad():
        maps = network.maps(network.seen(torch.from_numpy(pixels.copy())[None]))
    maps.requires_grad_()
    scores = network.of_maps(maps)[0]
    found = []
    for code in codes:
        (slope,) = torch.autograd.grad(scores[code], maps, retain_graph=True)
        found.append((slope.mean((2, 3), keepdim=True) * maps.detach()).sum(1)[0].relu())
    cells: NDArray[np.float64] = torch.stack(found).double().numpy()
    return cells


def over_image(cells: NDArray[np.float64], width: int, height: int, resize: str) -> NDArray[np.float64]:
    """Cells of the square that the network saw, shape (y, x), as a smooth map over the image, (height, width)."""
    grid = torch.from_numpy(cells)[None, None]
    if resize == "squash":
        return _smooth(grid, height, width)
    side = max(width, height)
    square = _smooth(grid, side, side)
    top, left = (side - height) // 2, (side - width) // 2
    return square[top : top + height, left : left + width]


def _smooth(grid: torch.Tensor, height: int, width: int) -> NDArray[np.float64]:
    made: NDArray[np.float64] = nn.functional.interpolate(grid, (height, width), mode="bilinear")[0, 0].numpy()
    return made


def shown_at(image: Image.Image, side: int) -> Image.Image:
    """An image with its longer side of `side` pixels, as it is put under a map."""
    scale = side / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS)
