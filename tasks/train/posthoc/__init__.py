"""Post-hoc rules: what happens to scores after training."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tasks.registry import Part


class PostHoc(Part):
    """A change of a model's scores that needs no training."""

    kind: ClassVar[str] = "post-hoc rule"

    @abstractmethod
    def adjust(self, scores: NDArray[np.float64], prior: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return adjusted scores; `scores` stay as they are.

        Parameters
        ----------
        scores
            Shape (n, K), logits or log-probabilities.
        prior
            Shape (K,), positive, sums to 1: the effective class prior of the model (`Loss.prior`).

        Returns
        -------
        ndarray
            Shape (n, K).
        """
