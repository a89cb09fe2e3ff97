"""mixup: the line between two inputs, and between their labels (Zhang et al. 2018)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.train.mixing import ALPHA, Mixing, blend

if TYPE_CHECKING:
    from torch import Tensor

    from tasks.train.labels import Labels


class Mixup(Mixing):
    """``lambda x_i + (1 - lambda) x_j``, labels alike; one ``lambda ~ Beta(alpha, alpha)`` a batch, as the authors do.

    On the features of a `head` it is the input mixup of that classifier, which is what manifold mixup does in a
    network's last layer (Verma et al. 2019), without its effect on the layers below.
    """

    name: Literal["mixup"] = "mixup"
    alpha: float = Field(0.2, gt=0, le=100, description=ALPHA)

    def mix(
        self, inputs: Tensor, labels: Labels, counts: NDArray[np.float64], chance: np.random.Generator
    ) -> tuple[Tensor, Labels]:
        """See `Mixing`."""
        from tasks.train.labels import Labels

        mixed, partner, share = blend(inputs, self.alpha, chance)
        return mixed, Labels(labels.first, (labels.first[partner], inputs.new_full((len(inputs),), share)))
