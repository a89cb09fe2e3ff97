"""Families: kinds of models. All that the rest of the system knows of a model stands here.

A family owns its settings (learning rate, steps, device ...), its arithmetic and its file format. It is given rows,
asks `Inputs` for the arrays that it needs, and gives back a fitted model that predicts, saves itself and is loaded
again without pickle. A new family is one new file, or folder, here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.registry import Component
from tasks.scores import Kind, Scores
from tasks.train.tunable import Tunable

if TYPE_CHECKING:
    from torch import nn

    from tasks.inputs import Inputs
    from tasks.train.losses import Loss
    from tasks.train.mixing import Mixing
    from tasks.train.rows import Rows
    from tasks.train.samplers import Sampler
    from tasks.train.schedules import Schedule


@dataclass(frozen=True)
class Components:
    """What a strategy hands to its family."""

    loss: Loss
    sampler: Sampler
    mixing: Mixing
    schedule: Schedule


@dataclass
class Log:
    """What a fit tells while it runs.

    Attributes
    ----------
    losses
        Mean training loss an image, an epoch each; stays empty in families without epochs.
    notes
        Sentences for the person at the keyboard.
    tell
        Takes the number of each epoch, from 1, and its loss, as it ends.
    """

    losses: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    tell: Callable[[int, float], None] = lambda epoch, loss: None

    def end_epoch(self, loss: float) -> None:
        """Take the mean training loss of the epoch that has ended."""
        self.losses.append(loss)
        self.tell(len(self.losses), loss)


@dataclass(frozen=True)
class Fit:
    """One fit to be made, of all that `Family.fit` takes.

    Attributes
    ----------
    folder
        Where a long fit may write how far it is, and go on from when it is made again; it need not exist. None:
        nowhere. What stands there when the fit is done stays, since the strategy's other fits may still be killed; who
        named the folder deletes it.
    """

    rows: Rows
    inputs: Inputs
    components: Components
    seed: int
    fold: int | None
    log: Log
    folder: Path | None = None


class Fitted(ABC):
    """A fitted model.

    Attributes
    ----------
    prior
        Shape (K,), positive, sums to 1: the effective class prior that it has learnt.
    """

    prior: NDArray[np.float64]

    @abstractmethod
    def predict(self, inputs: Inputs) -> Scores:
        """Scores of shape (n, K) for n inputs, which may be images that no stage has seen."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write into an empty folder what `Family.load` reads: the same bytes for the same model, and no pickle."""

    def module(self) -> nn.Module | None:
        """The model as a network of torch, with the scores of `predict` but for rounding; None where it is none.

        From features, float32 of shape (n, d), to scores, (n, K); of a family on images from images as they are
        decoded, uint8 of shape (n, h, w, 3), all of one size that may be any (`tasks.squaring.Squared` makes the
        model's of it). One on images that is an `nn.Sequential` of two, what makes the last maps that still have places
        and what makes scores of those, can be explained as well. A `Family` whose models have one says so by
        `is_network`.
        """
        return None

    def places(self, inputs: Inputs) -> NDArray[np.float64] | None:
        """How odd each place of n images is, shape (n, y, x), above 0 where normal images are hardly ever as odd.

        By it a model is explained that looks for what is odd; None where it sees no places, or does something else.
        """
        return None

    def directions(self, inputs: Inputs) -> NDArray[np.float64] | None:
        """Unit vectors, shape (n, d), whose products say how alike two of n inputs are; None where it has none.

        A `Family` whose models have some says so by `compares`.
        """
        return None

    def with_class(self, inputs: Inputs) -> Fitted | None:
        """The same, which knows one class more, the last, by some inputs of it; None where a few can't do.

        The other classes score as before.
        """
        return None


class Family(Tunable, Component):
    """A kind of model.

    Attributes
    ----------
    score
        The kind of its scores.
    takes
        The components of a strategy that it makes use of; others must do nothing.
    packages
        Distributions that a fitted model needs, beside those of its backbone.
    is_network
        Whether its fitted models have a `Fitted.module`, by which they are exported and explained.
    reads_sigmoids
        Whether its scores are the log-sigmoids of its outputs where a loss reads those as sigmoids.
    compares
        Whether its fitted models have `Fitted.directions`, by which two images are compared.
    begins_pretrained
        Whether one on images begins with the weights of a backbone of the section pretrain, where it names one.
    """

    kind: ClassVar[str] = "family"
    score: ClassVar[Kind] = "logit"
    takes: ClassVar[frozenset[str]] = frozenset({"loss", "sampler", "mixing"})
    packages: ClassVar[tuple[str, ...]] = ()
    is_network: ClassVar[bool] = False
    reads_sigmoids: ClassVar[bool] = False
    compares: ClassVar[bool] = False
    begins_pretrained: ClassVar[bool] = False

    backbone: str = Field(
        "none", description="A name of the sections backbones or pretrain; none for a family on images."
    )

    @property
    def inputs(self) -> str:
        """What it asks `Inputs` for: features, or images; a class constant where no setting changes it."""
        return "features"

    @property
    def shown(self) -> dict[str, Any]:
        """`image_size` and `resize` of the squares that it looks at; empty for a family on features."""
        return {key: value for key, value in self if key in ("image_size", "resize")}

    @property
    def called(self) -> str:
        """What messages call it, with the settings that decide what it looks at."""
        return repr(self.name)

    @property
    def cosine_scale(self) -> float | None:
        """What its outputs are certain to be cosines times of; None: no such number."""
        return None

    def needed(self) -> tuple[str, ...]:
        """Distributions that a model fitted with these settings needs: `packages`, unless the settings say."""
        return self.packages

    def against(self, sampler: Sampler) -> str:
        """Why a sampler makes no sense with these settings, and what to use instead; empty where it does."""
        return ""

    def against_mixed_rows(self) -> str:
        """Why these settings take no rows of two classes; empty where they do."""
        return ""

    def against_other_counts(self) -> str:
        """Why these settings take no recipe that changes how many rows classes have; empty where they do."""
        return ""

    @abstractmethod
    def fit(self, rows: Rows, inputs: Inputs, components: Components, seed: int, fold: int | None, log: Log) -> Fitted:
        """Fit one model; the same arguments give the same bits.

        Parameters
        ----------
        rows
            What the model may learn from.
        inputs
            Give the arrays of ``rows.ids``.
        components
            The strategy's loss, sampler, mixing and schedule; `tasks.train.course` says what they come to.
        seed
            Of the initialisation, the order of rows and what is mixed with what.
        fold
            The fold that the rows leave out; None for a model of all training rows.
        log
            Takes losses and sentences as they come.
        """

    def fit_all(self, fits: Iterable[Fit]) -> Iterator[Fitted]:
        """Make several fits, one after the other; a family that can make them together as one batch does so here.

        Whatever is fitted together gives the same bits as one by one.
        """
        for one in fits:
            yield self.fit(one.rows, one.inputs, one.components, one.seed, one.fold, one.log)

    def fit_candidates(self, fit: Fit) -> Iterator[Fitted]:
        """Fit every one of `candidates`, in their order; a family that can make them together does so here."""
        for number, one in enumerate(self.candidates):
            yield from one.fit_all([replace(fit, folder=fit.folder and fit.folder / str(number))])

    @abstractmethod
    def load(self, folder: Path, prior: NDArray[np.float64], fold: int | None) -> Fitted:
        """Read what `Fitted.save` wrote; `prior` and `fold` are those of the fit."""
