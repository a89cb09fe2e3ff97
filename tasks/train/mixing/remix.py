"""Remix: mixup whose label leans to the rarer class (Chou et al. 2020)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.mixing_formulas import remix_label_share
from tasks.train.mixing import ALPHA, Mixing, blend

if TYPE_CHECKING:
    from torch import Tensor

    from tasks.train.labels import Labels


class Remix(Mixing):
    """Inputs as in mixup; the label is wholly the rarer class's unless the common class has most of the input."""

    name: Literal["remix"] = "remix"
    alpha: float = Field(1.0, gt=0, le=100, description=ALPHA)
    ratio: float = Field(
        3.0, gt=1, le=1e6, description="kappa: how many times as frequent the common class must be at least."
    )
    threshold: float = Field(
        0.5, ge=0, le=1, description="tau: below this share of the input the common class has none of the label."
    )

    def mix(
        self, inputs: Tensor, labels: Labels, counts: NDArray[np.float64], chance: np.random.Generator
    ) -> tuple[Tensor, Labels]:
        """See `Mixing`."""
        import torch

        from tasks.train.labels import Labels

        mixed, partner, share = blend(inputs, self.alpha, chance)
        second = labels.first[partner]
        first_counts, second_counts = counts[labels.first.numpy()], counts[second.numpy()]
        shares = remix_label_share(share, first_counts, second_counts, self.ratio, self.threshold)
        return mixed, Labels(labels.first, (second, torch.from_numpy(shares).to(inputs.dtype)))

    def effective_counts(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """``2 n_c sum_j pi_j E(c, j)``, where ``E(c, j)`` is the share of label that c keeps when mixed with j.

        It is one half for classes about as frequent. The much commoner of two keeps lambda where that is above the
        threshold t and else nothing: ``(1 - I_t(alpha + 1, alpha)) / 2``, with the regularised incomplete beta
        function I; the rarer has the rest. See `Mixing`.
        """
        from scipy.special import betainc

        kept = (1 - betainc(self.alpha + 1, self.alpha, self.threshold)) / 2
        commoner = counts[:, None] / counts >= self.ratio
        expected = np.where(commoner, kept, np.where(commoner.T, 1 - kept, 0.5))
        effective: NDArray[np.float64] = 2 * counts * (expected @ (counts / counts.sum()))
        return effective
