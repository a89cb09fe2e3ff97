"""Metrics of the order in which a class's score puts the images: ROC and precision-recall, one class against the rest.

Ties count half for ROC-AUC (the Mann-Whitney statistic) and are taken together for PR-AUC (average precision, which
unlike the trapezoid does not interpolate: Davis and Goadrich, ICML 2006). Values agree with scikit-learn's
``roc_auc_score`` and ``average_precision_score`` with sample weights.
"""

from __future__ import annotations

import numpy as np

from tasks.evaluate.scored import Scored
from tasks.statistics.auc import Ranked
from tasks.statistics.bootstrap import Statistic

RECALLS = np.linspace(0.02, 1.0, 50)  # where curves are drawn


class RankedClass:
    """The images in falling order of one class's score under one fit.

    Parameters
    ----------
    score
        Shape (n,): larger means more likely of the class.
    positive
        Shape (n,): whether the image is of the class.
    """

    def __init__(self, score: np.ndarray, positive: np.ndarray) -> None:
        self.ranked = Ranked(score, positive)

    def __call__(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """Rank under `weights`, shape (n, b).

        Returns
        -------
        dict
            `roc_auc` and `pr_auc`, shape (b,), and at each of `RECALLS` what it costs to find that share of the class:
            `precision_at` and `false_positive_rate_at`, shape (R, b).
        """
        passed = self.ranked(weights)
        with np.errstate(invalid="ignore", divide="ignore"):  # a draw without the class has no metrics: NaN
            precision = passed.hits / np.maximum(passed.hits + passed.false_alarms, 1)
            reached = _first_reaching(passed.found[1:], RECALLS[:, None] * passed.total)
            return {
                "roc_auc": passed.wins / passed.pairs,
                "pr_auc": (passed.own * precision).sum(axis=0) / passed.total,
                "precision_at": np.take_along_axis(precision, reached, axis=0),
                "false_positive_rate_at": np.take_along_axis(passed.false_alarms, reached, axis=0) / passed.rest,
            }


def ranking_metrics(scored: Scored) -> Statistic:
    """The metrics of the order of the images.

    Returns
    -------
    Statistic
        Gives what `RankedClass` gives, with the axes (S, K, ..., b).
    """
    classes = range(len(scored.classes))
    ranked = [[RankedClass(fit[:, code], scored.labels == code) for code in classes] for fit in scored.ranking]

    def statistic(weights: np.ndarray) -> dict[str, np.ndarray]:
        values = [[one(weights) for one in fit] for fit in ranked]
        return {name: np.stack([np.stack([one[name] for one in fit]) for fit in values]) for name in values[0][0]}

    return statistic


def _first_reaching(sums: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """For each column of rising `sums` (m, b), the first rows that reach `wanted` (R, b).

    The columns are laid end to end, each lifted above the last, so that one binary search serves all.
    """
    rows, columns = sums.shape
    lift = np.arange(columns) * (sums[-1].max() + 1.0)
    reached = np.searchsorted((sums + lift).ravel(order="F"), (wanted + lift - 1e-9).ravel(order="F"))
    places = reached.reshape(wanted.shape, order="F") - np.arange(columns) * rows
    return np.asarray(np.minimum(places, rows - 1))
