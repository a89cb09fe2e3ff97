"""How maps stand in memory."""

from __future__ import annotations

import torch
from torch import Tensor


def laid_out(maps: Tensor) -> Tensor:
    """Maps with the channels of a place beside one another, as convolutions here are fastest."""
    return maps.contiguous(memory_format=torch.channels_last)
