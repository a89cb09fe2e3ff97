"""Losses: what training minimises, one number an image.

A loss never averages: who trains decides how images are weighed against each other, and a mixed image needs its two
losses apart. A loss also knows which class prior a model trained with it has learnt, so that a later correction takes
away what is there and nothing else.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from tasks.registry import Component

if TYPE_CHECKING:
    from torch import Tensor


class Loss(Component):
    """A loss for single-label classification."""

    kind: ClassVar[str] = "loss"

    @abstractmethod
    def per_image(self, logits: Tensor, targets: Tensor, counts: Tensor) -> Tensor:
        """The loss of every image.

        Parameters
        ----------
        logits
            Shape (n, K), floating point.
        targets
            Shape (n,), int64, 0 to K - 1.
        counts
            Shape (K,), the type of `logits`: rows a class of the effective training set (the fold's own rows, as the
            sampler draws them), all positive; not necessarily whole numbers.

        Returns
        -------
        Tensor
            Shape (n,), the type of `logits`, not negative.
        """

    @abstractmethod
    def prior(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """The class prior that a model trained with this loss has learnt.

        Parameters
        ----------
        counts
            Shape (K,), the effective counts that `per_image` took.

        Returns
        -------
        ndarray
            Shape (K,), positive, sums to 1.
        """


def weighted_prior(counts: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The prior that class weights leave: ``pi_c w_c``, normalised (Elkan 2001).

    Parameters
    ----------
    counts, weights
        Shape (K,), positive.

    Returns
    -------
    ndarray
        Shape (K,), sums to 1.
    """
    shares: NDArray[np.float64] = counts * weights / (counts * weights).sum()
    return shares


def balanced_weights(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """``N / (K n_c)``, shape (K,): every class weighs the same, and an average row weighs 1 (as in scikit-learn)."""
    weights: NDArray[np.float64] = counts.sum() / (len(counts) * counts)
    return weights
