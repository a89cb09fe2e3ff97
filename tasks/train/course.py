"""The course of a fit: what is in effect at each of its steps, and what rows, counts and prior that amounts to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tasks.train.rows import Rows
from tasks.train.schedules import InEffect

if TYPE_CHECKING:
    from torch import Tensor

    from tasks.train.families import Components
    from tasks.train.labels import Labels


@dataclass(frozen=True)
class Course:
    """A fit's components in time; a family that minimises a loss in steps asks it for the phase of each epoch.

    Attributes
    ----------
    components
        Of the strategy, its schedule among them.
    rows
        What the model learns from, with the rows that a sampler made behind those given.
    given
        How many were given: before a sampler is in effect, what it made is not drawn.
    steps
        Of the whole fit.
    """

    components: Components
    rows: Rows
    given: int
    steps: int

    def phase(self, done: int) -> Phase:
        """What holds after `done` steps, 0 to `steps`, for an epoch or up to the next turn."""
        turns = [_first_step(turn, self.steps) for turn in self.components.schedule.turns]
        end = min([turn for turn in turns if turn > done], default=self.steps)
        return Phase(self, self.components.schedule.at(done / self.steps), end - done)

    @property
    def prior(self) -> NDArray[np.float64]:
        """The effective prior, shape (K,): that of the last phase (`tasks.train.schedules`)."""
        last = self.phase(self.steps)
        return self.components.loss.prior(last.counts, last.effect.weights)

    @cached_property
    def natural(self) -> NDArray[np.float64]:
        """Rows a class as they were given, shape (K,)."""
        return self.rows.head(self.given).label_mass

    @cached_property
    def sampled(self) -> NDArray[np.float64]:
        """Rows a class as the sampler draws them, shape (K,)."""
        return self.rows.drawn(self.components.sampler)


@dataclass(frozen=True)
class Phase:
    """What holds for some steps.

    Attributes
    ----------
    course
        Of the fit.
    effect
        How far components are in effect.
    steps
        How many it may last; an epoch that is longer is cut short.
    """

    course: Course
    effect: InEffect
    steps: int

    @cached_property
    def drawn(self) -> NDArray[np.float64]:
        """Rows a class that an epoch is expected to hold, shape (K,)."""
        course, share = self.course, self.effect.sampler
        if share in (0, 1):
            return course.sampled if share else course.natural
        shares = (1 - share) * course.natural / course.given + share * course.sampled / len(course.rows)
        drawn: NDArray[np.float64] = len(course.rows) * shares
        return drawn

    @cached_property
    def counts(self) -> NDArray[np.float64]:
        """The effective counts that losses take, shape (K,): `drawn`, and what mixing is expected to make of it."""
        drawn, share = self.drawn, self.effect.mixing
        mixed = self.course.components.mixing.effective_counts(drawn)
        counts: NDArray[np.float64] = (1 - share) * drawn + share * mixed
        return counts

    @property
    def start(self) -> NDArray[np.float64]:
        """The outputs of a model that sees nothing, shape (K,), for what is in effect: see `Loss.start`."""
        return self.course.components.loss.start(self.counts, self.effect.weights)

    def epoch(self, generator: np.random.Generator) -> NDArray[np.int64]:
        """The numbers of an epoch's rows in their order: all given, or as many draws as there are rows."""
        course, share = self.course, self.effect.sampler
        labels, classes = course.rows.first, len(course.rows.classes)
        sampler = course.components.sampler
        if share == 1:
            return sampler.epoch(labels, classes, generator)
        if share == 0:
            return generator.permutation(course.given)
        probabilities = share * sampler.row_probabilities(labels, classes)
        probabilities[: course.given] += (1 - share) / course.given
        return generator.choice(len(labels), size=len(labels), p=probabilities)

    def mix(self, inputs: Tensor, labels: Labels, chance: np.random.Generator) -> tuple[Tensor, Labels]:
        """A batch as `tasks.train.mixing.Mixing.mix` makes it, or as it is."""
        share = self.effect.mixing
        if share == 0 or (share < 1 and chance.random() >= share):
            return inputs, labels
        return self.course.components.mixing.mix(inputs, labels, self.drawn, chance)

    def loss(self, labels: Labels, outputs: Tensor) -> Tensor:
        """The loss of every row, shape (n,), for a model's outputs of shape (n, K)."""
        counts, weights = (outputs.new_tensor(values) for values in (self.counts, self._weights))
        return labels.weighed(self.course.components.loss, outputs, counts, weights)

    @cached_property
    def _weights(self) -> NDArray[np.float64]:
        """The class weights in effect, shape (K,)."""
        return self.course.components.loss.weights_in_effect(self.counts, self.effect.weights)


def _first_step(progress: float, steps: int) -> int:
    """The first step at which so large a share of `steps` is done."""
    near = math.floor(progress * steps)  # rounding may have it one off
    return next(step for step in range(max(near - 1, 0), near + 3) if step / steps >= progress)
