"""Cross-entropy with a weight a class: a mistake on a rare class costs more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.train.losses import Loss, balanced_weights, weighted_prior

if TYPE_CHECKING:
    from torch import Tensor


class WeightedCrossEntropy(Loss):
    """``-w_y log p_y``, with weights from the effective counts."""

    name: Literal["weighted_cross_entropy"] = "weighted_cross_entropy"
    weights: Literal["balanced", "inverse_sqrt", "effective_number"] = Field(
        "balanced", description="How a class's weight follows from its count."
    )
    beta: float = Field(0.999, ge=0, lt=1, description="Of effective_number: near 0 no weighting, near 1 balanced.")

    def class_weights(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """The weight of every class.

        Parameters
        ----------
        counts
            Shape (K,), positive.

        Returns
        -------
        ndarray
            Shape (K,). ``balanced``: ``N / (K n_c)``. ``inverse_sqrt``: ``(n_min / n_c)^0.5`` (Zhang et al. 2021, Bag
            of tricks for long-tailed visual recognition). ``effective_number``: ``(1 - b) / (1 - b^n_c)``, scaled so
            that the weights sum to K (Cui et al. 2019).
        """
        if self.weights == "balanced":
            return balanced_weights(counts)
        if self.weights == "inverse_sqrt":
            roots: NDArray[np.float64] = np.sqrt(counts.min() / counts)
            return roots
        inverse = (1 - self.beta) / (1 - self.beta**counts)
        scaled: NDArray[np.float64] = inverse * len(counts) / inverse.sum()
        return scaled

    def per_image(self, logits: Tensor, targets: Tensor, counts: Tensor) -> Tensor:
        """See `Loss`."""
        from torch.nn.functional import cross_entropy

        weights = logits.new_tensor(self.class_weights(counts.double().numpy()))
        return weights[targets] * cross_entropy(logits, targets, reduction="none")

    def prior(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """``pi_c w_c``, normalised: uniform with balanced weights."""
        return weighted_prior(counts, self.class_weights(counts))
