"""Generators: models that make new images of a class. A new one is one new file here.

A generator is fitted to the images of one fold, and then makes what it is asked for, each image with its parents; which
classes need how many images, where the files go and their lineage is the stage's concern.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field

from tasks.registry import Component
from tasks.synthesize.journal import ALONE, Journal


@dataclass(frozen=True)
class Examples:
    """The images that a model is fitted to: all training rows of one fold, or of all.

    Attributes
    ----------
    fold
        The fold's number, for messages; None: of all folds.
    pixels
        Shape (n, side, side, 3), uint8, RGB.
    labels
        Shape (n,), int64: places in `classes`.
    classes
        The classes of the whole training set; some may have no image in this fold.
    ids
        The `image_id` of each, n of them.
    masks
        Shape (n, side, side), bool: where the object is, nowhere in an image without a mask; None: no image has one.
    """

    fold: int | None
    pixels: np.ndarray
    labels: np.ndarray
    classes: list[str]
    ids: list[str]
    masks: np.ndarray | None = None

    @property
    def where(self) -> str:
        """Names them in messages."""
        return "all training rows" if self.fold is None else f"fold {self.fold}"

    def drawn(self, number: int, chance: np.random.Generator) -> np.ndarray:
        """Places of so many of them, int64: a class is drawn with the square root of its count (Kang et al. 2020)."""
        return np.searchsorted(self._reach, chance.random(number), side="right").clip(max=len(self._reach) - 1)

    @cached_property
    def _reach(self) -> np.ndarray:
        counts = np.bincount(self.labels, minlength=len(self.classes))
        shares = 1 / np.sqrt(counts[self.labels])
        return np.cumsum(shares / shares.sum())


@dataclass(frozen=True)
class Wanted:
    """One image to make.

    Attributes
    ----------
    label
        Place of its class in `Examples.classes`; occurs among the examples.
    seed
        Seed of this image's own random stream, so that it doesn't depend on how many images are made.
    """

    label: int
    seed: int


@dataclass(frozen=True)
class Synthetic:
    """One image that was made.

    Attributes
    ----------
    pixels
        Shape (side, side, 3), uint8, RGB.
    parents
        The ids of the examples that it was made from, all of its class, such as the one that an image-to-image model
        started from. None for an image from noise: it descends from all examples of its class, as a set.
    parameters
        What else decided it, as JSON can hold it.
    """

    pixels: np.ndarray
    parents: tuple[str, ...] | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)


class FittedGenerator(ABC):
    """A generator that was fitted to some images."""

    @property
    @abstractmethod
    def digest(self) -> str:
        """A hash of all that was fitted, or that a checkpoint holds: it stands in the lineage of every image."""

    def most(self, label: int) -> int | None:
        """How many images of a class, by its place in `Examples.classes`, it can make; None: any number."""
        return None

    @abstractmethod
    def sample(self, wanted: Iterable[Wanted]) -> Iterator[Synthetic]:
        """Make the images that are wanted, one an entry, in their order, some at a time.

        An image depends on its own entry alone, and not on how many others are wanted.
        """


class Generator(Component):
    """A maker of synthetic images."""

    kind: ClassVar[str] = "generator"

    images: int = Field(
        200, ge=1, le=1_000_000, description="New images a class, but no more than lift it to the size of the largest."
    )

    image_size: int = Field(32, ge=8, le=1024, description="Pixels a side of its images.")

    @property
    def packages(self) -> tuple[str, ...]:
        """Distributions that it needs, beside those that always come."""
        return ()

    def planned(self, fits: int) -> Self:
        """The same with all decided that hangs on how many fits there are; its settings go into the lineage."""
        return self

    def cost(self, fits: int) -> str:
        """What so many fits cost, in words for a person who is about to begin them; empty where it is little."""
        return ""

    @abstractmethod
    def fit(self, examples: Examples, seed: int, journal: Journal = ALONE) -> FittedGenerator:
        """Fit a model to `examples`, which is all that it may see.

        The same examples and seed give the same model, also where the fit was killed and goes on from what it has left
        in `journal.folder`.

        Raises
        ------
        InputError
            The examples are too few, or of no use to this generator; the message says what to do.
        """
