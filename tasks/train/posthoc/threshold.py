"""Per-class thresholds (threshold moving): a number added to each class's score, chosen out of fold.

The numbers are those with the best balanced accuracy. Where scores are no probabilities, as of anomalies, this is what
makes a decision of them; elsewhere it competes with logit adjustment, which knows its numbers from the class counts
(Provost, Machine learning from imbalanced data sets 101, AAAI workshop 2000; for several classes a class at a time, as
a coordinate ascent).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.scores import Kind, Scores
from tasks.train.posthoc import PostHoc, pooled, require_one_a_class

SWEEPS = 3  # over the classes; two classes need one


class Threshold(PostHoc):
    """Offsets that maximise balanced accuracy, the first class's being 0."""

    name: Literal["threshold"] = "threshold"
    kinds: ClassVar[tuple[Kind, ...]] = ("logit", "log_probability", "anomaly")
    offsets: list[float] | None = Field(
        None, description="A number a class, in their order; null: found on out-of-fold scores."
    )

    def require(self, classes: Sequence[str]) -> None:
        """See `Component`."""
        require_one_a_class(self.offsets, classes, "params.yaml: posthoc.offsets")

    def for_classes(self, classes: Sequence[str]) -> Self:
        """See `PostHoc`."""
        self.require(classes)
        return self

    def fit(self, scores: Sequence[Scores], targets: Sequence[NDArray[np.int64]]) -> Self:
        """See `PostHoc`; given offsets are kept."""
        if self.offsets is not None:
            return self
        values, truth = pooled(scores, targets)
        classes = values.shape[1]
        weights = 1 / np.bincount(truth, minlength=classes).clip(min=1)[truth]
        offsets = np.zeros(classes)
        for _ in range(SWEEPS):
            for code in range(1, classes):
                moved = values + offsets
                rivals = np.delete(moved, code, axis=1)
                lead = rivals.max(axis=1) - values[:, code]  # from this offset on the class wins
                wins = rivals.argmax(axis=1)
                wins += wins >= code
                gains = np.where(truth == code, weights, 0) - np.where(truth == wins, weights, 0)
                offsets[code] = _best_cut(lead, gains, offsets[code])
        return self.model_copy(update={"offsets": offsets.tolist()})

    def adjust(self, scores: Scores) -> Scores:
        """See `PostHoc`."""
        return scores.shifted(self.shift(scores.prior))

    def shift(self, prior: NDArray[np.float64]) -> NDArray[np.float64]:
        """See `PostHoc`."""
        if self.offsets is None:
            raise ValueError("a threshold must be fitted before it adjusts scores")
        return np.array(self.offsets)


def _best_cut(lead: NDArray[np.float64], gains: NDArray[np.float64], present: float) -> float:
    """The offset above which rows whose `lead` is below it go to a class, with the largest sum of `gains`.

    In the middle between two leads; `present` where no offset is better.
    """
    order = np.argsort(lead, kind="stable")
    sums = np.concatenate([[0.0], np.cumsum(gains[order])])
    ordered = lead[order]
    cuts = np.concatenate([[ordered[0] - 1], (ordered[:-1] + ordered[1:]) / 2, [ordered[-1] + 1]])
    real = np.concatenate([[True], ordered[:-1] < ordered[1:], [True]])  # no cut between equals
    now = sums[np.searchsorted(ordered, present, side="left")]
    best = int(np.where(real, sums, -np.inf).argmax())
    return float(cuts[best]) if sums[best] > now + 1e-12 else present
