"""Settings of every network that is trained from scratch."""

from __future__ import annotations

from typing import Literal

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
    def components(self) -> tuple[Component, ...]:
        """Those that are part of it."""
        return ()
