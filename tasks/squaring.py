"""Images as squares, inside of a network: what `tasks.decoding.squared` does, by tensors, to the same pixels.

Pillow shrinks with whole numbers: weights of 22 bits after the point, and a rounding to 8 bits after each of the two
passes. The same is done here, so a network that begins with a `Squared` sees what the model was fitted on, whatever
runs it.
"""

from __future__ import annotations

import PIL
import torch
from torch import Tensor, nn

from tasks.images import BACKGROUND

BITS = 22  # after the point, of Pillow's weights
COLUMNS_FIRST = 13  # the version of Pillow from which on images that lose more than twice as much height begin with it


class Squared(nn.Module):
    """Images of one height and width, uint8 (n, h, w, 3), to whole numbers 0 to 255, float32 (n, 3, size, size).

    Attributes
    ----------
    size, resize
        See `tasks.decoding.squared`.
    """

    def __init__(self, size: int, resize: str) -> None:
        super().__init__()
        self.size, self.resize = size, resize
        self.columns_first = int(PIL.__version__.partition(".")[0]) >= COLUMNS_FIRST

    def forward(self, images: Tensor) -> Tensor:
        """See the class."""
        # One number each, but with an axis: an export to ONNX makes float32 of doubles that have none.
        height, width = (torch.scalar_tensor(side, dtype=torch.float64).reshape(1) for side in images.shape[1:3])
        size = inner_height = inner_width = torch.full((1,), self.size, dtype=torch.float64)
        if self.resize == "letterbox":
            scale = size / torch.maximum(height, width)
            inner_height, inner_width = ((side * scale).round().clamp(min=1) for side in (height, width))
        down, is_row = self._weights(torch.arange(images.shape[1], dtype=torch.float64), height, inner_height)
        across, is_column = self._weights(torch.arange(images.shape[2], dtype=torch.float64), width, inner_width)
        pixels = images.permute(0, 3, 1, 2).double()
        made = _rounded(down @ _rounded(pixels @ across.T))
        if self.columns_first:
            lost = height - inner_height
            is_tall = (lost > 0) & (lost > 2 * (width - inner_width))
            made = torch.where(is_tall, _rounded(_rounded(down @ pixels) @ across.T), made)
        return torch.where(is_row[:, None] & is_column, made, float(BACKGROUND)).float()

    def _weights(self, places: Tensor, length: Tensor, inner: Tensor) -> tuple[Tensor, Tensor]:
        """Of every pixel along a side for every one that is made, shape (size, length), and which are no background.

        Parameters
        ----------
        places
            0 to length - 1.
        length
            Pixels along the side.
        inner
            How many are made of them, in the middle of `size`.
        """
        made = torch.arange(self.size, dtype=torch.float64) - ((self.size - inner) / 2).floor()
        is_inside = (made >= 0) & (made < inner)
        scale = length / inner
        reach = scale.clamp(min=1)
        centre = ((made + 0.5) * scale)[:, None]
        first = (centre - reach + 0.5).floor()
        end = (centre + reach + 0.5).floor()
        triangle = (1 - ((places - centre + 0.5) / reach).abs()).clamp(min=0)
        triangle = torch.where((places >= first) & (places < end) & is_inside[:, None], triangle, 0.0)
        shares = triangle / triangle.sum(1, keepdim=True).clamp(min=1e-12)
        return (shares * 2**BITS + 0.5).floor(), is_inside


def _rounded(sums: Tensor) -> Tensor:
    """Sums of pixels by their weights as Pillow rounds them; doubles hold them exactly."""
    rounded: Tensor = ((sums + 2 ** (BITS - 1)) / 2**BITS).floor().clamp(0, 255)
    return rounded
