"""Deferred remedies: first learn from the data as they are, then balance (Cao et al. 2019, DRW and DRS)."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from tasks.train.schedules import InEffect, Schedule


class Deferred(Schedule):
    """From `start` on class weights (DRW) and the sampler (DRS) are in effect, and before it neither.

    Mixing is the other way round: where it is deferred it is switched off from `start` on, so that a model ends on
    rows as they are.
    """

    name: Literal["deferred"] = "deferred"
    start: float = Field(0.8, gt=0, lt=1, description="Share of the steps after which the last phase begins.")
    weights: bool = Field(True, description="Whether class weights wait for the last phase.")
    sampler: bool = Field(True, description="Whether the sampler waits for the last phase.")
    mixing: bool = Field(False, description="Whether mixing ends with the last phase.")

    @model_validator(mode="after")
    def _of_something(self) -> Self:
        if not self.acts_on:
            raise ValueError("defers nothing; set weights, sampler or mixing to true, or write {name: constant}")
        return self

    @property
    def acts_on(self) -> frozenset[str]:
        """See `Schedule`."""
        chosen = {"loss": self.weights, "sampler": self.sampler, "mixing": self.mixing}
        return frozenset(key for key, is_chosen in chosen.items() if is_chosen)

    @property
    def turns(self) -> tuple[float, ...]:
        """See `Schedule`."""
        return (self.start,)

    def at(self, progress: float) -> InEffect:
        """See `Schedule`."""
        is_last = progress >= self.start
        return InEffect(
            weights=float(is_last or not self.weights),
            sampler=float(is_last or not self.sampler),
            mixing=float(not (is_last and self.mixing)),
        )
