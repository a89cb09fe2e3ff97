"""Losses: what training minimises, one number an image.

A loss never averages: who trains decides how images are weighed against each other, and a mixed image needs its two
losses apart. It is of two pieces, a weight a class and what is weighed, so that a schedule can take the weights away
and leave the rest, such as margins, as it is. A loss also knows which class prior a model trained with it has learnt,
so that a later correction takes away what is there and nothing else.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from tasks.registry import Component

if TYPE_CHECKING:
    from torch import Tensor


class Loss(Component):
    """A loss for single-label classification.

    A model's outputs are read as a softmax, and are its scores. Those of a loss that is `one_vs_rest` are read as a
    sigmoid a class, ``P(c | x)`` for each class against all others: there a model's scores are the logarithms of the
    sigmoids, as which they are of the kind ``logit`` like all others (known up to a number that the classes of an image
    share), have the decisions of the outputs, and can be calibrated and corrected by a prior by Bayes' rule. Plain
    outputs could not: they are log-odds, and a softmax of log-odds is no probability.
    """

    kind: ClassVar[str] = "loss"

    @property
    def one_vs_rest(self) -> bool:
        """Whether outputs are read as a sigmoid a class."""
        return False

    @property
    def cosine_scale(self) -> float | None:
        """The number that outputs must be cosines times of; None: any outputs will do."""
        return None

    @property
    def weighs(self) -> bool:
        """Whether class weights are other than 1 where counts differ."""
        return False

    def for_classes(self, classes: Sequence[str]) -> Self:
        """The loss for these classes, in the order of the outputs; most are the same for all.

        Raises
        ------
        InputError
            See `require`.
        """
        return self

    def class_weights(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """The weight of every class, positive, shape (K,); `counts` as `per_image` takes them."""
        return np.ones_like(counts)

    def weights_in_effect(self, counts: NDArray[np.float64], weighing: float = 1.0) -> NDArray[np.float64]:
        """`class_weights` as far as they are in effect, shape (K,): all 1 for `weighing` 0."""
        weights: NDArray[np.float64] = (1 - weighing) + weighing * self.class_weights(counts)
        return weights

    @abstractmethod
    def unweighted(self, logits: Tensor, targets: Tensor, counts: Tensor) -> Tensor:
        """The loss of every image without its class's weight; arguments and result as of `per_image`."""

    def weighed(self, logits: Tensor, targets: Tensor, counts: Tensor, weights: Tensor) -> Tensor:
        """The loss of every image where classes have the `weights` of shape (K,); else as `per_image`."""
        return weights[targets] * self.unweighted(logits, targets, counts)

    def per_image(self, logits: Tensor, targets: Tensor, counts: Tensor, weighing: float = 1.0) -> Tensor:
        """The loss of every image.

        Parameters
        ----------
        logits
            Shape (n, K), floating point: the outputs of a model.
        targets
            Shape (n,), int64, 0 to K - 1.
        counts
            Shape (K,), floating point: rows a class of the effective training set (the fold's own rows, as the
            sampler draws them), all positive; not necessarily whole numbers.
        weighing
            How far class weights are in effect, 0 to 1.

        Returns
        -------
        Tensor
            Shape (n,), the type of `logits`, not negative.
        """
        weights = self.weights_in_effect(counts.double().numpy(), weighing)
        return self.weighed(logits, targets, counts, logits.new_tensor(weights))

    def prior(self, counts: NDArray[np.float64], weighing: float = 1.0) -> NDArray[np.float64]:
        """The class prior that a model trained with this loss has learnt: ``pi_c w_c``, normalised, unless said.

        Parameters
        ----------
        counts
            Shape (K,), the effective counts that `per_image` took.
        weighing
            How far class weights are in effect, 0 to 1.

        Returns
        -------
        ndarray
            Shape (K,), positive, sums to 1.
        """
        return weighted_prior(counts, self.weights_in_effect(counts, weighing))

    def start(self, counts: NDArray[np.float64], weighing: float = 1.0) -> NDArray[np.float64]:
        """The outputs of a model that sees nothing, shape (K,), from which training starts: the log prior, unless said.

        Arguments as of `prior`.
        """
        logs: NDArray[np.float64] = np.log(self.prior(counts, weighing))
        return logs


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


def effective_number_weights(counts: NDArray[np.float64], beta: float) -> NDArray[np.float64]:
    """``(1 - b) / (1 - b^n_c)``, scaled so that the weights sum to K, shape (K,) (Cui et al. 2019); 0 <= b < 1."""
    inverse = (1 - beta) / (1 - beta**counts)
    scaled: NDArray[np.float64] = inverse * len(counts) / inverse.sum()
    return scaled


def power_prior(counts: NDArray[np.float64], power: float) -> NDArray[np.float64]:
    """``pi_c^power``, normalised, shape (K,): what is left of the prior where a loss explains a part of it."""
    powers = (counts / counts.sum()) ** power
    shares: NDArray[np.float64] = powers / powers.sum()
    return shares
