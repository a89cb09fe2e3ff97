"""Post-hoc logit adjustment: one line at inference, and the remedy that the others have to beat (Menon et al. 2021)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.scores import Scores
from tasks.train.posthoc import PostHoc

TAUS = np.arange(61) / 20  # that are tried where tau is found: 0 to 3


class LogitAdjustment(PostHoc):
    """``z_c - tau log pi_c`` with the effective prior: what the model learnt of class frequencies is taken away."""

    name: Literal["logit_adjustment"] = "logit_adjustment"
    tau: float | None = Field(
        1.0,
        ge=0,
        le=5,
        description="Strength: 0 leaves the scores, 1 aims at balanced accuracy; null: found on out-of-fold scores.",
    )

    def fit(self, scores: Sequence[Scores], targets: Sequence[NDArray[np.int64]]) -> Self:
        """See `PostHoc`; a given `tau` is kept. The one with the best balanced accuracy, of equals the nearest to 1."""
        if self.tau is not None:
            return self
        reached = np.array([_mean_recall(scores, targets, tau) for tau in TAUS])
        equals = TAUS[reached >= reached.max() - 1e-12]
        return self.model_copy(update={"tau": float(equals[np.abs(equals - 1).argmin()])})

    def adjust(self, scores: Scores) -> Scores:
        """See `PostHoc`; changes nothing but a common offset where the prior is uniform."""
        return scores.shifted(self.shift(scores.prior))

    def shift(self, prior: NDArray[np.float64]) -> NDArray[np.float64]:
        """See `PostHoc`."""
        if self.tau is None:
            raise ValueError("tau must be found before scores are adjusted by it")
        return _shift(self.tau, prior)


def _shift(tau: float, prior: NDArray[np.float64]) -> NDArray[np.float64]:
    moved: NDArray[np.float64] = -tau * np.log(prior)
    return moved


def _mean_recall(scores: Sequence[Scores], targets: Sequence[NDArray[np.int64]], tau: float) -> float:
    """Balanced accuracy over all folds and fits, where each fold's models have a prior of their own."""
    classes = scores[0].values.shape[-1]
    right, total = np.zeros(classes), np.zeros(classes)
    for one, truth in zip(scores, targets, strict=True):
        chosen = (one.values + _shift(tau, one.prior)).argmax(axis=-1)
        right += np.bincount(truth, (chosen == truth).reshape(-1, len(truth)).sum(axis=0), minlength=classes)
        total += np.bincount(truth, minlength=classes) * (chosen.size // len(truth))
    return float((right[total > 0] / total[total > 0]).mean())
