"""Second stages that train a network on: on which rows, drawn how, and with which settings."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.train.samplers import Sampler
from tasks.train.second_stages import SecondStage

if TYPE_CHECKING:
    from tasks.train.rows import Rows

SECOND = "second"  # the folder, below a fit's, where the second stage writes how far it is


class Further(SecondStage):
    """More epochs from where the first stage ended, with the strategy's loss and mixing and no schedule."""

    changes: ClassVar[Literal["nothing", "classifier", "network"]] = "network"
    epochs: int = Field(5, ge=1, le=100_000, description="Rounds over as many rows as it draws from.")
    learning_rate: float = Field(0.005, gt=0, le=10, description="Peak learning rate; a tenth of the first stage's.")
    frozen: int = Field(0, ge=0, description="Stages of the network that stay as they are, the first ones.")

    @property
    @abstractmethod
    def sampler(self) -> Sampler:
        """How rows are drawn."""

    def kept(self, rows: Rows) -> NDArray[np.int64]:
        """The numbers of the rows that it draws from; by default all."""
        return np.arange(len(rows))


def some_of(rows: Rows, kept: NDArray[np.int64]) -> Rows:
    """Some rows, in the order of their numbers."""
    ids = [rows.ids[row] for row in kept]
    return replace(rows.take(kept), ids=ids)
