"""Goals: what is wanted of a classifier, and so how its scores become decisions and what strategies are judged by.

``compare.goal`` in `params.yaml` names one. Most decide for the class with the largest score, and differ in what is
judged. Others move the decision to where it is wanted: by probabilities that mean something (`tasks.calibration`) and
by a cut-off, neither of them fitted on the images that they are judged on (`tasks.evaluate.deciding`).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.errors import require_classes
from tasks.registry import Component

JUDGED = "judged_"  # before the name of a metric that is a mean over the judged classes only
COST_AVOIDED = "cost_avoided"


class Goal(Component):
    """What is wanted.

    Attributes
    ----------
    corrected
        Whether decisions rest on corrected probabilities, and not on the largest score.
    """

    kind: ClassVar[str] = "goal"
    corrected: ClassVar[bool] = False

    @property
    @abstractmethod
    def metric(self) -> str:
        """What strategies are ranked and judged by, as the stage `evaluate` names it; larger is better."""

    @property
    @abstractmethod
    def label(self) -> str:
        """The same, as it stands in a sentence."""

    @property
    def after_number(self) -> str:
        """The same after a number, as in "a gain of +0.02 ..."."""
        return f"in {self.label}" if self.label.startswith("the ") else self.label

    @property
    def of_class(self) -> str | None:
        """The one class that it is about; None for a goal about all."""
        return None

    def guessed(self, classes: int) -> float:
        """What is reached without a look at the images, of so many classes: at best the same decision for all."""
        return 0.0

    def about(self, rarest: str) -> Self:
        """The goal with the class that it leaves open: the rarest that can be measured."""
        return self

    def require(self, classes: Sequence[str]) -> None:
        """Refuse a goal that names a class that there isn't (`InputError`)."""
        require_classes([self.of_class] if self.of_class else [], classes, "params.yaml: compare.goal.of")

    def cutoff(self, evidence: NDArray[np.float64], positive: NDArray[np.bool_]) -> float | None:
        """From which evidence on an image is taken for `of_class`; None for goals without a cut-off.

        Parameters
        ----------
        evidence
            Shape (m,): log-odds of the class against the rest, or another score that rises with it.
        positive
            Shape (m,): whether the image is of the class.
        """
        return None

    def costs(self, classes: Sequence[str]) -> NDArray[np.float64] | None:
        """What it costs to take an image of the row's class for the column's, shape (K, K); None: all errors alike."""
        return None


class OfClass(Goal):
    """A goal about one class, which is decided for from a cut-off on."""

    corrected: ClassVar[bool] = True
    of: str = Field("", description="The class that is to be found; empty: the rarest that can be measured.")

    @property
    def of_class(self) -> str:
        """See `Goal`."""
        return self.of

    def about(self, rarest: str) -> Self:
        """See `Goal`."""
        return self if self.of else self.model_copy(update={"of": rarest})


def cuts(evidence: NDArray[np.float64], positive: NDArray[np.bool_]) -> tuple[NDArray[np.float64], ...]:
    """All cut-offs that tell apart, the highest first, with what each finds.

    Returns
    -------
    tuple
        Cut-offs, half-way between two values of `evidence` (the last below all); recall at and precision at each.
    """
    order = np.argsort(-evidence, kind="stable")
    ordered, hits = evidence[order], np.cumsum(positive[order])
    last = np.append(ordered[:-1] > ordered[1:], True)  # of images with the same evidence all are taken, or none
    below = np.append((ordered[:-1] + ordered[1:]) / 2, ordered[-1] - 1.0)
    taken = np.arange(1, len(ordered) + 1)
    return below[last], (hits / max(hits[-1], 1))[last], (hits / taken)[last]
