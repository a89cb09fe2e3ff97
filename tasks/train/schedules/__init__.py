"""Schedules: what of a strategy is in effect when, while a model is trained.

Remedies that are there from the first step can spoil what a model learns of images, and the same remedies help at the
end. A schedule says in numbers how far class weights, the sampler and mixing are in effect; none of those has a switch
of its own, and what a loss does beside weighing classes, such as margins, is always in effect.

The effective prior of a scheduled strategy is that of its last phase: what a model has learnt when training ends is
taken to be what its last steps asked for, whatever came before.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from tasks.registry import Component


@dataclass(frozen=True)
class InEffect:
    """How far each is in effect, 0 to 1.

    Attributes
    ----------
    weights
        The loss's class weights; at 0 every class weighs 1.
    sampler
        At 0 rows are drawn as they are, every one once an epoch; between, that share of the draws is the sampler's.
    mixing
        The share of the batches that are mixed.
    """

    weights: float = 1.0
    sampler: float = 1.0
    mixing: float = 1.0


class Schedule(Component):
    """Says what is in effect when."""

    kind: ClassVar[str] = "schedule"

    @property
    def acts_on(self) -> frozenset[str]:
        """What it changes, of ``loss`` (its class weights), ``sampler`` and ``mixing``."""
        return frozenset()

    @property
    def turns(self) -> tuple[float, ...]:
        """Where something is switched, above 0 and below 1: an epoch ends there, however many rows are left."""
        return ()

    @abstractmethod
    def at(self, progress: float) -> InEffect:
        """What is in effect at `progress`, the share of the steps that are done: 0 at the first step, 1 after the last.

        It holds for an epoch, or up to the next turn.
        """
