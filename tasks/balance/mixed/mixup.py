"""Mixup: two pictures laid over each other (Zhang et al., ICLR 2018).

The base has the larger share: the pair and its shares are as likely the other way round, and an image that was made for
a class should show it.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tasks.balance.mixed import Drawn, MixedImages, laid_over, larger_share


class Mixup(MixedImages):
    """``share * base + (1 - share) * partner``, pixel by pixel; the label is shared alike."""

    name: Literal["mixup"] = "mixup"

    def draw(self, width: int, height: int, rng: np.random.Generator) -> Drawn:
        """A share of one half or more."""
        return Drawn(larger_share(self.alpha, rng))

    def blend(self, base: NDArray[np.float32], partner: NDArray[np.float32], drawn: Drawn) -> NDArray[np.float32]:
        """See `MixedImages.blend`."""
        return laid_over(base, partner, drawn.share)
