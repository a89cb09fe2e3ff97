"""Backbones that are formulas and no networks: nothing is learnt, so there is nothing that a fold could give away."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.errors import InputError
from tasks.features.backbones import Backbone

if TYPE_CHECKING:
    import torch


class HandMade(Backbone):
    """A formula from the pixels of one image to its features; it sees RGB values 0 to 255 as they are."""

    mean: ClassVar[tuple[float, float, float]] = (0.0, 0.0, 0.0)
    deviation: ClassVar[tuple[float, float, float]] = (1.0, 1.0, 1.0)

    precision: Literal["float32"] = Field("float32", description="Of the result; a formula knows no other.")
    batch_size: Literal[1] = Field(1, description="An image at a time: a formula gains nothing by several.")

    @abstractmethod
    def describe(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """The features, shape (d,), finite, of an RGB image of shape (s, s, 3); on one thread, and without chance."""

    def load(self) -> Callable[[torch.Tensor], torch.Tensor]:
        """See `Backbone`."""
        import cv2
        import torch

        cv2.setNumThreads(1)  # processes side by side, a thread each

        def features(images: torch.Tensor) -> torch.Tensor:
            pixels = images.permute(0, 2, 3, 1).round().to(torch.uint8).numpy()
            made = np.stack([self.describe(np.ascontiguousarray(one)) for one in pixels])
            return torch.from_numpy(made.astype(np.float32))

        return features


def scikit_image(module: str) -> Any:
    """A module of scikit-image.

    Raises
    ------
    InputError
        It is not installed.
    """
    try:
        return import_module(f"skimage.{module}")
    except ImportError as error:
        raise InputError(
            f"this backbone needs the extra `handmade` ({error}): pip install 'equipoise[handmade]'"
        ) from error
