"""CutMix: a box of the base is filled with the same box of the partner (Yun et al., ICCV 2019).

The base keeps the larger share; see `tasks.balance.mixed.mixup`.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tasks.balance.mixed import Drawn, MixedImages, larger_share, paste
from tasks.mixing_formulas import box_share, cut_box


class CutMix(MixedImages):
    """The label is shared as the area is."""

    name: Literal["cutmix"] = "cutmix"

    def draw(self, width: int, height: int, rng: np.random.Generator) -> Drawn:
        """A box of half the picture or less."""
        box = cut_box(width, height, 1 - larger_share(self.alpha, rng), rng)
        return Drawn(1 - box_share(box, width, height), box)

    def blend(self, base: NDArray[np.float32], partner: NDArray[np.float32], drawn: Drawn) -> NDArray[np.float32]:
        """See `MixedImages.blend`."""
        return paste(partner, onto=base, box=drawn.box)
