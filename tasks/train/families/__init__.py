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
    from tasks.train.samplers import Sampler

State = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class FitTask:
    """Everything that one model is fitted from; the fit depends on nothing else.

    Attributes
    ----------
    features
        Shape (n, d), the model's own training rows.
    targets
        Shape (n,), 0 to K - 1; every class occurs.
    classes
        Number of classes, K.
    loss, sampler
        The strategy's parts.
    settings
        The section `train` of the parameters.
    seed
        Of the initialisation and of the order of rows.
    """

    features: NDArray[np.float32]
    targets: NDArray[np.int64]
    classes: int
    loss: Loss
    sampler: Sampler
    settings: Train
    seed: int

    @property
    def counts(self) -> NDArray[np.float64]:
        """Effective rows a class, shape (K,): those of the training rows as the sampler draws them."""
        own = np.bincount(self.targets, minlength=self.classes).astype(np.float64)
        return self.sampler.effective_counts(own)


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
    """A kind of model on frozen features."""

    kind: ClassVar[str] = "family"
    score: ClassVar[str] = "logit"  # kind of score: logit, log_probability or anomaly

    @abstractmethod
    def fit(self, task: FitTask) -> Fit:
        """Fit one model; the same task gives the same bits."""

    @abstractmethod
    def predict(self, state: State, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Scores of shape (n, K) for `features` of shape (n, d), rows not seen in training included."""
