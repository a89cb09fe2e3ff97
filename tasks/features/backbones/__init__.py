"""Backbones: networks, or formulas, that turn an image into a feature vector. A new one is one new file here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from tasks.model_folders import Colour
from tasks.registry import Component

if TYPE_CHECKING:
    import torch


class Backbone(Component):
    """A pretrained network without its classifier, or a formula, and how images are shown to it.

    Attributes
    ----------
    packages
        Distributions whose versions decide the features.
    is_fitted
        Whether it was fitted to images of the dataset itself, so that there may be one for each fold.
    """

    kind: ClassVar[str] = "backbone"
    packages: ClassVar[tuple[str, ...]] = ()
    is_fitted: ClassVar[bool] = False

    image_size: int = Field(128, ge=32, le=1024, description="Pixels a side that the network sees.")
    resize: Literal["squash", "letterbox"] = Field("squash", description="How an image becomes square.")
    precision: Literal["float32", "bfloat16"] = Field("float32", description="bfloat16 is faster on some processors.")
    batch_size: int = Field(16, ge=1, le=1024, description="Images a forward pass; short batches are padded to it.")
    recipes: list[str] | None = Field(
        None, description="Recipes whose new images get features from it; null: all of them."
    )

    @property
    def mean(self) -> Colour:
        """The network sees ``(x - mean) / deviation`` of RGB values 0 to 255; a class constant where it is one."""
        raise NotImplementedError

    @property
    def deviation(self) -> Colour:
        """See `mean`."""
        raise NotImplementedError

    @property
    def dimensions(self) -> int:
        """Length d of a feature vector; a class constant where no setting changes it."""
        raise NotImplementedError

    def needed(self) -> tuple[str, ...]:
        """Distributions whose versions decide the features as it is set: `packages`, unless the settings say."""
        return self.packages

    def load(self) -> Callable[[torch.Tensor], torch.Tensor]:
        """The network in evaluation mode: float32 (b, 3, s, s), normalised, to (b, d)."""
        raise NotImplementedError

    def module(self) -> torch.nn.Sequential | None:
        """The network as two, for export and for explanations; None where it can't be cut so.

        The first makes of normalised images, float32 (b, 3, s, s), the last maps that still have places, (b, c, y, x);
        the second makes the features of them, (b, d), those of `load` but for rounding.
        """
        return None

    def imagenet_classifier(self) -> tuple[np.ndarray, np.ndarray] | None:
        """The classifier that the network was trained with on ImageNet's 1,000 classes, nothing if it has none.

        Returns
        -------
        tuple of ndarray
            Weights (1000, d) and bias (1000,), float32: ``features @ weights.T + bias`` are the logits.
        """
        return None

    def for_fold(self, fold: int | None) -> Backbone:
        """The one for the models of a fold; None: for those of all training rows."""
        return self

    def save(self, folder: Path, fold: int | None) -> None:
        """Write what `settings` can't hold into the folder of a model that looks at its features.

        Parameters
        ----------
        folder
            The model's.
        fold
            The one that the model has not seen; None: it is that of all training rows, which also predicts elsewhere.
        """

    def kept_in(self, folder: Path) -> Backbone:
        """The same, as `save` left it in the folder of a model."""
        return self

    def settings(self) -> dict[str, Any]:
        """What decides a feature vector, as JSON can hold it; what is embedded with it is no part of it."""
        return self.model_dump(mode="json", exclude={"recipes"})
