"""Generators: models that make new images of a class. A new one is one new file here.

A generator sees the images of one fold, and makes what it is asked for; which classes need how many images, where the
files go and their lineage is the stage's concern.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import Field

from tasks.registry import Part


@dataclass(frozen=True)
class Examples:
    """The images that a model is fitted to: all training rows of one fold.

    Attributes
    ----------
    fold
        The fold's number, for messages.
    pixels
        Shape (n, side, side, 3), uint8, RGB.
    labels
        Shape (n,), int64: places in `classes`.
    classes
        The classes of the whole training set; some may have no image in this fold.
    """

    fold: int
    pixels: np.ndarray
    labels: np.ndarray
    classes: list[str]


@dataclass(frozen=True)
class Wanted:
    """One image to make.

    Attributes
    ----------
    label
        Place of its class in `Examples.classes`.
    seed
        Seed of this image's own random stream, so that it doesn't depend on how many images are made.
    """

    label: int
    seed: int


class Generator(Part):
    """A maker of synthetic images."""

    kind: ClassVar[str] = "generator"

    images: int = Field(
        200, ge=1, le=1_000_000, description="New images a class, but no more than lift it to the size of the largest."
    )

    @abstractmethod
    def generate(self, examples: Examples, wanted: list[Wanted], seed: int) -> np.ndarray:
        """Fit a model to `examples` and make the images that are wanted.

        Parameters
        ----------
        examples
            All that the model may see.
        wanted
            One entry an image; every label occurs in `examples`.
        seed
            Seed of the fit.

        Returns
        -------
        numpy.ndarray
            Shape (len(wanted), side, side, 3), uint8, RGB; the same for the same arguments.
        """
