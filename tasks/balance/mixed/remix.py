"""Remix: mixup whose label leans to the rarer class (Chou et al., ECCV workshops 2020)."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.balance.mixed import Drawn, MixedImages, laid_over, larger_share
from tasks.mixing_formulas import remix_label_share


class Remix(MixedImages):
    """Pictures as in mixup; the label is wholly the base's where the partner's class is much larger."""

    name: Literal["remix"] = "remix"
    of_labels = ("ratio", "threshold")
    ratio: float = Field(3.0, gt=1, description="From so many times the other's rows on, a class counts as larger.")
    threshold: float = Field(
        0.5, ge=0, le=1, description="The larger class loses its label where its share of the picture is below this."
    )

    def draw(self, width: int, height: int, rng: np.random.Generator) -> Drawn:
        """A share of one half or more; see `tasks.balance.mixed.mixup`."""
        return Drawn(larger_share(self.alpha, rng))

    def blend(self, base: NDArray[np.float32], partner: NDArray[np.float32], drawn: Drawn) -> NDArray[np.float32]:
        """See `MixedImages.blend`."""
        return laid_over(base, partner, drawn.share)

    def label_share(self, drawn: Drawn, base_count: int, partner_count: int) -> float:
        """See `MixedImages.label_share`."""
        return remix_label_share(drawn.share, base_count, partner_count, self.ratio, self.threshold)
