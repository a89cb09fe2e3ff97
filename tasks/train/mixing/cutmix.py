"""CutMix: a box of one image pasted on another, labels by area (Yun et al. 2019)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.train.mixing import ALPHA, Mixing, paste

if TYPE_CHECKING:
    from torch import Tensor

    from tasks.train.labels import Labels


class CutMix(Mixing):
    """One box a batch, of ``1 - lambda`` of the area with ``lambda ~ Beta(alpha, alpha)``; needs images."""

    name: Literal["cutmix"] = "cutmix"
    inputs: ClassVar[str] = "images"
    alpha: float = Field(1.0, gt=0, le=100, description=ALPHA)

    def mix(
        self, inputs: Tensor, labels: Labels, counts: NDArray[np.float64], chance: np.random.Generator
    ) -> tuple[Tensor, Labels]:
        """See `Mixing`; the last two dimensions are height and width."""
        import torch

        from tasks.train.labels import Labels

        partner = torch.from_numpy(chance.permutation(len(inputs)))
        mixed, kept = paste(inputs, partner, self.alpha, chance)
        return mixed, Labels(labels.first, (labels.first[partner], inputs.new_full((len(inputs),), kept)))
