"""Grad-CAM: which places of an image speak for a class (Selvaraju et al., ICCV 2017).

The network's last maps are weighed by how much the class's score rises with each of them, on average over all places,
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
from torch import Tensor, nn

from tasks.network import Network, Scoring


def grad_cam(network: Network, pixels: NDArray[np.uint8], codes: Sequence[int]) -> NDArray[np.float64]:
    """How much each place speaks for some classes.

    Parameters
    ----------
    network
        A model that has `cuts`; of several networks the maps are summed before what speaks against is left out.
    pixels
        A decoded image, shape (h, w, 3).
    codes
        Of C classes.

    Returns
    -------
    numpy.ndarray
        Shape (C, y, x), at least 0, for the cells of the last maps.
    """
    raised = torch.stack([_raised(cut, pixels, codes) for cut in network.cuts]).sum(0)
    cells: NDArray[np.float64] = raised.relu().double().numpy()
    return cells


def _raised(cut: tuple[Scoring, Scoring], pixels: NDArray[np.uint8], codes: Sequence[int]) -> Tensor:
    """The last maps of one network, each weighed by how much it raises the score of each class, summed: (C, y, x)."""
    with torch.no_grad():
        maps = cut[0](torch.from_numpy(pixels.copy())[None])
    maps.requires_grad_()
    scores = cut[1](maps)[0]
    slopes = [torch.autograd.grad(scores[code], maps, retain_graph=True)[0] for code in codes]
    return torch.stack([(slope.mean((2, 3), keepdim=True) * maps.detach()).sum(1)[0] for slope in slopes])


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
