"""Settings of every network that is trained from scratch."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal, Self

from pydantic import Field

from tasks.registry import Component
from tasks.synthesize.generators import Generator


class FromScratch(Generator):
    """How long a network learns, and with what."""

    minutes: float = Field(
        20.0, gt=0, le=100_000, description="Of training, all folds together, on two cores as of 2024; sets the steps."
    )
    steps: int | None = Field(
        None, ge=1, le=100_000_000, description="Optimiser steps of each fold's model; null: as many as minutes allow."
    )
    average: float = Field(0.999, ge=0, lt=1, description="Decay of the moving average of the weights, a step.")
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="Of what is computed; bfloat16 is faster on processors that have it."
    )
    threads: int = Field(1, ge=1, le=256, description="Of one fit; more serve where there are fewer fits than cores.")

    @property
    @abstractmethod
    def multiplications(self) -> float:
        """How many a step takes, on images with three channels."""

    def planned(self, fits: int) -> Self:
        """See `Generator`."""
        return self if self.steps is not None else self._within(fits, self.multiplications)

    def cost(self, fits: int) -> str:
        """See `Generator`."""
        from tasks.synthesize.effort import minutes_of

        of_a_step = self.multiplications  # a network is built to count them
        steps = self.steps or self._within(fits, of_a_step).steps or 0
        minutes = minutes_of(steps * fits, of_a_step)
        return f"{fits} models, one a fold, {steps:,} steps each: about {minutes:.0f} minutes on two cores"

    def _within(self, fits: int, of_a_step: float) -> Self:
        from tasks.synthesize.effort import steps_within

        return self.model_copy(update={"steps": steps_within(self.minutes, fits, of_a_step)})

    @property
    def components(self) -> tuple[Component, ...]:
        """Those that are part of it."""
        return ()
