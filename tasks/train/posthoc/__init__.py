"""Post-hoc rules: what happens to scores after training."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from tasks.errors import InputError
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

    def for_classes(self, classes: Sequence[str]) -> Self:
        """The rule for these classes, in the order of the scores; most are the same for all.

        Raises
        ------
        InputError
            See `require`.
        """
        return self

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
        """Adjusted scores, of the same shape, with the prior that they then stand for; `scores` stay as they are.

        Raises
        ------
        ValueError
            The rule has something to find and was not fitted.
        """

    def steepness(self) -> float:
        """What `adjust` multiplies every score by before it adds `shift`."""
        return 1.0

    def shift(self, prior: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """What `adjust` adds to the score of each class, shape (K,), for a model that has learnt `prior`.

        None where it does more than that and `steepness`, or anything else; such a rule can't be exported. Errors as of
        `adjust`.
        """
        return None


def require_one_a_class(numbers: Sequence[float] | None, classes: Sequence[str], where: str) -> None:
    """Refuse numbers that are not one a class, in the order of the `classes` (`InputError`); None is right."""
    if numbers is not None and len(numbers) != len(classes):
        raise InputError(
            f"{where}: {len(numbers)} numbers for {len(classes)} classes; write one for each of {', '.join(classes)}, "
            "in this order, or null, and they are found"
        )


def pooled(
    scores: Sequence[Scores], targets: Sequence[NDArray[np.int64]]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The scores of all folds and fits below each other, shape (m, K), and their classes, shape (m,)."""
    classes = scores[0].values.shape[-1]
    values = np.concatenate([one.values.reshape(-1, classes) for one in scores])
    truth = [np.tile(own, one.values.size // (classes * len(own))) for one, own in zip(scores, targets, strict=True)]
    return values, np.concatenate(truth)
