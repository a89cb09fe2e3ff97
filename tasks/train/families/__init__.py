"""Families: kinds of models. A family fits one model at a time and predicts with what came of it.

A fitted model is a mapping from names to arrays, and nothing else: it is saved without pickle, and the family that made
it needs no more than the arrays to predict.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from tasks.registry import Part

if TYPE_CHECKING:
    from tasks.params.models import Train
    from tasks.train.losses import Loss
    from tasks.train.mixing import Mixing
    from tasks.train.samplers import Sampler

State = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class FitTask:
    """Everything that one model is fitted from; the fit depends on nothing else.

    Attributes
    ----------
    features
        Shape (n, d), the model's own training rows, those among them that the sampler made.
    targets
        Shape (n,), 0 to K - 1: the class of every row, of a mixed row the first.
    second
        Shape (n,), 0 to K - 1: the second class of a mixed row; of others the first again.
    share
        Shape (n,), 0 to 1: the first class's share of the label; 1 for rows of one class.
    classes
        Number of classes, K.
    loss, sampler, mixing
        The strategy's parts.
    settings
        The section `train` of the parameters.
    seed
        Of the initialisation, the order of rows and what is mixed with what.
    """

    features: NDArray[np.float32]
    targets: NDArray[np.int64]
    second: NDArray[np.int64]
    share: NDArray[np.float32]
    classes: int
    loss: Loss
    sampler: Sampler
    mixing: Mixing
    settings: Train
    seed: int

    @property
    def drawn(self) -> NDArray[np.float64]:
        """Rows a class, shape (K,), as the sampler draws them: ``N sum_i p_i (soft label of row i)``.

        All rows of one first label are drawn alike, so it is the draws a first label times the mean label of its rows.
        """
        own = np.bincount(self.targets, minlength=self.classes).astype(np.float64)
        share = self.share.astype(np.float64)
        cells = self.classes**2
        first = np.bincount(self.targets * (self.classes + 1), weights=share, minlength=cells)
        second = np.bincount(self.targets * self.classes + self.second, weights=1 - share, minlength=cells)
        labels = (first + second).reshape(self.classes, self.classes) / np.maximum(own, 1)[:, None]
        drawn: NDArray[np.float64] = self.sampler.effective_counts(own) @ labels
        return drawn

    @property
    def counts(self) -> NDArray[np.float64]:
        """Effective rows a class, shape (K,): label mass of the rows as the sampler draws and the mixing mixes them."""
        return self.mixing.effective_counts(self.drawn)


@dataclass(frozen=True)
class Fit:
    """A fitted model.

    Attributes
    ----------
    state
        What `Family.predict` needs.
    losses
        Mean training loss an image, an epoch each.
    """

    state: State
    losses: list[float]


class Family(Part):
    """A kind of model."""

    kind: ClassVar[str] = "family"
    inputs: ClassVar[str] = "features"  # what it is fitted on: features, or images
    score: ClassVar[str] = "logit"  # kind of score: logit, log_probability or anomaly

    @abstractmethod
    def fit(self, task: FitTask) -> Fit:
        """Fit one model; the same task gives the same bits."""

    @abstractmethod
    def predict(self, state: State, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Scores of shape (n, K) for `features` of shape (n, d), rows not seen in training included."""
