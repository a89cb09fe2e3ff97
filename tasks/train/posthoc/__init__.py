"""Post-hoc rules: what happens to scores after training."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from tasks.registry import Component
from tasks.scores import Kind, Scores


class PostHoc(Component):
    """A change of a model's scores.

    Attributes
    ----------
    kinds
        The kinds of scores that it works on.
    """

    kind: ClassVar[str] = "post-hoc rule"
    kinds: ClassVar[tuple[Kind, ...]] = ("logit", "log_probability")

    def fit(self, scores: Sequence[Scores], targets: Sequence[NDArray[np.int64]]) -> Self:
        """The rule with all that it learns from scores; one that learns nothing is itself.

        Never fitted and scored on the same rows: the caller fits it on out-of-fold scores, and for those on the other
        folds'.

        Parameters
        ----------
        scores
            Out-of-fold scores, an entry a fold, whose models have a prior of their own; values of shape (S, n, K) for S
            fits of the n images of that fold.
        targets
            Of the images of each fold, shape (n,), 0 to K - 1.
        """
        return self

    @abstractmethod
    def adjust(self, scores: Scores) -> Scores:
        """Adjusted scores, of the same shape; `scores` stay as they are."""

    def shift(self, prior: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """What `adjust` adds to the score of each class, shape (K,), for a model that has learnt `prior`.

        None where it does more than that, or anything else; such a rule can't be exported.
        """
        return None
