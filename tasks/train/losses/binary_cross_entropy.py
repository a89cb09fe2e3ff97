"""Binary cross-entropy: a yes-or-no question a class, each with its own balance of positives and negatives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.train.losses import Loss
from tasks.train.sigmoids import log_odds, log_sigmoids, normalised

if TYPE_CHECKING:
    from torch import Tensor


class BinaryCrossEntropy(Loss):
    """``-w_y log s_y - sum_{j != y} log(1 - s_j)``, with `s` the sigmoids of the outputs.

    A model that sees nothing learns ``s_c = w_c n_c / (w_c n_c + N - n_c)``: the class's share without weights, one
    half with balanced ones (King and Zeng, Logistic regression in rare events data, Political Analysis 9, 2001).
    Normalised, that is the prior. So logit adjustment after no weights is Bayes' rule, ``log s_c - log pi_c``, and
    after balanced ones it changes nothing.
    """

    name: Literal["binary_cross_entropy"] = "binary_cross_entropy"
    pos_weight: Literal["none", "balanced"] = Field(
        "none", description="Weight of a class's own rows in its question: 1, or those of others a row, n_neg / n_pos."
    )

    @property
    def one_vs_rest(self) -> bool:
        """See `Loss`."""
        return True

    @property
    def weighs(self) -> bool:
        """See `Loss`."""
        return self.pos_weight != "none"

    def class_weights(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """See `Loss`."""
        return (counts.sum() - counts) / counts if self.pos_weight == "balanced" else np.ones_like(counts)

    def unweighted(self, logits: Tensor, targets: Tensor, counts: Tensor) -> Tensor:
        """See `Loss`."""
        return self.weighed(logits, targets, counts, logits.new_ones(logits.shape[1]))

    def weighed(self, logits: Tensor, targets: Tensor, counts: Tensor, weights: Tensor) -> Tensor:
        """See `Loss`; weights enter the true class's own question only."""
        hit, others = log_sigmoids(logits, targets)
        return -weights[targets] * hit - others.sum(1)

    def prior(self, counts: NDArray[np.float64], weighing: float = 1.0) -> NDArray[np.float64]:
        """See the class."""
        return normalised(self.start(counts, weighing))

    def start(self, counts: NDArray[np.float64], weighing: float = 1.0) -> NDArray[np.float64]:
        """The log-odds of the sigmoids that the class names."""
        return log_odds(counts / counts.sum()) + np.log(self.weights_in_effect(counts, weighing))
