"""Prior correction: decisions for the class shares of the place of use, not for those that training had (Bayes' rule).

Saerens, Latinne and Decaestecker, Adjusting the outputs of a classifier to new a priori probabilities, Neural
Computation 14, 2002, equation 2.4, with shares that are stated. Their EM algorithm, which finds the shares, looks at
all images to be classified at once; here each is classified by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from tasks.calibration import Calibration, class_shares
from tasks.errors import InputError, require_classes
from tasks.registry import refused
from tasks.scores import Scores
from tasks.train.posthoc import PostHoc, pooled, require_one_a_class

WHERE = "posthoc: prior_correction: shares"
Share = Annotated[float, Field(gt=0)]


class PriorCorrection(PostHoc):
    """``z_c + log(target_c / pi_c)`` with the effective prior; or, calibrated first, ``z_c / T + b_c + log(...)``."""

    name: Literal["prior_correction"] = "prior_correction"
    shares: dict[str, Share] = Field(
        default_factory=dict, description="Class shares where the model will be used; empty: those of the images."
    )
    calibrate: bool = Field(
        False, description="Whether scores are first calibrated to the shares of the images, by a maximum likelihood."
    )
    target: list[Share] | None = Field(
        None, description="The shares in the order of the classes; null: those of `shares`, or found."
    )
    temperature: float | None = Field(None, gt=0, description="Of the calibration; null: found on out-of-fold scores.")
    offsets: list[float] | None = Field(
        None, description="What is added to calibrated scores, a number a class in their order; null: found."
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not self.calibrate and (self.temperature is not None or self.offsets is not None):
            raise refused("temperature and offsets are those of a calibration; write calibrate: true, or null for both")
        if (self.temperature is None) != (self.offsets is None):
            raise refused("a calibration is of a temperature and offsets; write both, or null for both to be found")
        return self

    def require(self, classes: Sequence[str]) -> None:
        """See `Component`; also refused are numbers that are not one a class, and shares beside a target."""
        require_one_a_class(self.target, classes, "params.yaml: posthoc.target")
        require_one_a_class(self.offsets, classes, "params.yaml: posthoc.offsets")
        if self.shares and self.target is not None:
            raise InputError(f"{WHERE} are stated, and a target as well, which is the same; leave the target out")
        require_classes(self.shares, classes, WHERE)
        if self.shares and (missing := [label for label in classes if label not in self.shares]):
            raise InputError(f"{WHERE}: the share of {', '.join(missing)} is missing; state one a class")

    def for_classes(self, classes: Sequence[str]) -> Self:
        """See `PostHoc`."""
        self.require(classes)
        if not self.shares:
            return self
        return self.model_copy(update={"target": [self.shares[label] for label in classes]})

    def fit(self, scores: Sequence[Scores], targets: Sequence[NDArray[np.int64]]) -> Self:
        """See `PostHoc`; what is known is kept."""
        is_calibrated = not self.calibrate or self.offsets is not None
        if self.target is not None and is_calibrated:
            return self
        values, truth = pooled(scores, targets)
        of_images = class_shares(truth, values.shape[1])
        target = of_images if self.target is None else np.array(self.target)
        found: dict[str, object] = {"target": (target / target.sum()).tolist()}
        if not is_calibrated:
            calibration = Calibration.fit(values, truth)
            offsets = calibration.offsets + np.log(target / of_images)
            found |= {"temperature": calibration.temperature, "offsets": offsets.tolist()}
        return self.model_copy(update=found)

    def adjust(self, scores: Scores) -> Scores:
        """See `PostHoc`; the prior is then the target."""
        moved = scores.values * self.steepness() + self.shift(scores.prior)
        return replace(scores, values=moved, prior=self._target())

    def steepness(self) -> float:
        """See `PostHoc`."""
        return 1 / self.temperature if self.calibrate and self.temperature else 1.0

    def shift(self, prior: NDArray[np.float64]) -> NDArray[np.float64]:
        """See `PostHoc`."""
        target = self._target()
        if not self.calibrate:
            shift: NDArray[np.float64] = np.log(target) - np.log(prior)
            return shift
        if self.offsets is None:
            raise ValueError("scores must be calibrated before their prior is corrected")
        return np.array(self.offsets)

    def _target(self) -> NDArray[np.float64]:
        if self.target is None:
            raise ValueError("the shares of the classes must be found before a prior is corrected to them")
        target: NDArray[np.float64] = np.array(self.target) / sum(self.target)
        return target
