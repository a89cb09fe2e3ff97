"""Backbones: networks that turn an image into a feature vector. A new one is one new file here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tasks.registry import Part

if TYPE_CHECKING:
    import torch


class Backbone(Part):
    """A pretrained network without its classifier.

    Attributes
    ----------
    dimensions
        Length d of a feature vector.
    mean, deviation
        The network sees ``(x - mean) / deviation`` of RGB values 0 to 255, a number a channel.
    """

    kind: ClassVar[str] = "backbone"
    dimensions: ClassVar[int]
    mean: ClassVar[tuple[float, float, float]]
    deviation: ClassVar[tuple[float, float, float]]

    def load(self) -> Callable[[torch.Tensor], torch.Tensor]:
        """The network in evaluation mode: float32 (b, 3, s, s), normalised, to (b, d)."""
        raise NotImplementedError

    def imagenet_classifier(self) -> tuple[np.ndarray, np.ndarray] | None:
        """The classifier that the network was trained with on ImageNet's 1,000 classes, nothing if it has none.

        Returns
        -------
        tuple of ndarray
            Weights (1000, d) and bias (1000,), float32: ``features @ weights.T + bias`` are the logits.
        """
        return None
