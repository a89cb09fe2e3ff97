"""Scores: what a model says of images, and what each kind of score allows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["logit", "log_probability", "anomaly"]


@dataclass(frozen=True, eq=False)
class Scores:
    """One score an image and class; within an image they are comparable, and the largest is the decision.

    Attributes
    ----------
    kind
        ``logit`` (known up to a number that all classes of an image share), ``log_probability``, or ``anomaly`` (how
        far an image is from what was learnt: an order of images, of which only a threshold makes a decision).
    values
        Shape (..., n, K), finite; dimensions before the last two are fits.
    prior
        Shape (K,), positive, sums to 1: the effective class prior that the model has learnt or, after a post-hoc rule,
        that the scores stand for: what a further correction has to start from, so that nothing is corrected twice.
    """

    kind: Kind
    values: NDArray[np.float64]
    prior: NDArray[np.float64]

    def with_values(self, values: NDArray[np.float64]) -> Scores:
        """The same kind and prior with other values."""
        return replace(self, values=values)

    def shifted(self, shift: NDArray[np.float64]) -> Scores:
        """With a number added to each class's score, `shift` of shape (K,), and the prior that they then stand for.

        A score is what an image says plus the logarithm of a prior, so adding to it is stating another prior: one in
        proportion to ``prior * exp(shift)``. Of anomaly scores, which know none, it stays.
        """
        moved = self.with_values(self.values + shift)
        if self.kind == "anomaly":
            return moved
        logs = np.log(self.prior) + shift
        left = np.exp(logs - logs.max()).clip(np.finfo(np.float64).tiny)
        return replace(moved, prior=left / left.sum())

    @property
    def decisions(self) -> NDArray[np.int64]:
        """Shape (..., n): the class with the largest score."""
        return decisions(self.values)


def decisions(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """The class with the largest score: shape (..., n) for `values` of shape (..., n, K)."""
    chosen: NDArray[np.int64] = values.argmax(axis=-1)
    return chosen


def has_probabilities(kind: str) -> bool:
    """Whether scores of this kind say how probable each class is; an anomaly score does not."""
    return kind != "anomaly"


def probabilities(values: NDArray[np.float64], kind: str) -> NDArray[np.float64]:
    """The probability of each class, shape (..., n, K): the softmax of logits and of log-probabilities alike.

    Raises
    ------
    ValueError
        Anomaly scores are no probabilities.
    """
    shares: NDArray[np.float64] = np.exp(log_probabilities(values, kind))
    return shares


def log_probabilities(values: NDArray[np.float64], kind: str) -> NDArray[np.float64]:
    """Their natural logarithms, shape (..., n, K); errors as `probabilities`."""
    if not has_probabilities(kind):
        raise ValueError("an anomaly score orders images and says nothing of how probable a class is")
    return values - log_sum(values)


def ranking(values: NDArray[np.float64], kind: str) -> NDArray[np.float64]:
    """What orders images by how much they look like each class, shape (..., n, K).

    For logits and log-probabilities these are the log-odds of each class against the rest. They order images exactly as
    the softmax probabilities do, without the ties that arise where those round to 1; plain scores would not, since a
    number added to all scores of an image changes nothing but their order. Anomaly scores are an order by themselves.
    """
    if kind == "anomaly":
        return values
    best = values.argmax(axis=-1)[..., None]
    rest = values.copy()
    np.put_along_axis(rest, best, -np.inf, axis=-1)
    of_best = np.take_along_axis(values, best, axis=-1) - log_sum(rest)
    logs = values - log_sum(values)
    with np.errstate(divide="ignore"):  # of the best class, which is set below: 1 - p would lose what is left of it
        odds: NDArray[np.float64] = logs - np.log1p(-np.exp(logs))
    np.put_along_axis(odds, best, of_best, axis=-1)
    return odds


def log_sum(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The logarithm of the sum of powers over the last axis, which is kept."""
    most = values.max(axis=-1, keepdims=True)
    logs: NDArray[np.float64] = np.log(np.exp(values - most).sum(axis=-1, keepdims=True)) + most
    return logs
