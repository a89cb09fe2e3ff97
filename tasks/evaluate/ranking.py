"""Metrics of the order in which a class's score puts the images: ROC and precision-recall, one class against the rest.

All are computed at the positives only, from one running sum of weights over the sorted images, so that many weightings
cost little more than one. Ties count half for ROC-AUC (the Mann-Whitney statistic) and are taken together for PR-AUC
(average precision, which unlike the trapezoid does not interpolate: Davis and Goadrich, ICML 2006). Values agree with
scikit-learn's ``roc_auc_score`` and ``average_precision_score`` with sample weights.
"""

from __future__ import annotations

import numpy as np

from tasks.evaluate.resampling import Statistic
from tasks.evaluate.scored import Scored

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
        self.order = np.argsort(-score, kind="stable")
        falling = -score[self.order]
        places = np.flatnonzero(positive[self.order])
        self.positives = self.order[places]
        # How many images, and how many positives, stand before the ties of each positive and up to their end.
        self.before = np.searchsorted(falling, falling[places], side="left")
        self.through = np.searchsorted(falling, falling[places], side="right")
        self.positives_before = np.searchsorted(places, self.before)
        self.positives_through = np.searchsorted(places, self.through)

    def __call__(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """Rank under `weights`, shape (n, b).

        Returns
        -------
        dict
            `roc_auc` and `pr_auc`, shape (b,), and at each of `RECALLS` what it costs to find that share of the class:
            `precision_at` and `false_positive_rate_at`, shape (R, b).
        """
        found = _running_sum(weights[self.order])
        found_positives = _running_sum(weights[self.positives])
        total = found_positives[-1].astype(np.float64)
        negatives = found[-1] - total
        taken = found[self.through]
        hits = found_positives[self.positives_through]
        false_alarms = taken - hits
        false_alarms_before = found[self.before] - found_positives[self.positives_before]
        own = weights[self.positives]
        with np.errstate(invalid="ignore", divide="ignore"):  # a resample without the class has no metrics: NaN
            precision = hits / np.maximum(taken, 1)
            wins = (own * (negatives - (false_alarms + false_alarms_before) / 2)).sum(axis=0)
            reached = _first_reaching(found_positives[1:], RECALLS[:, None] * total)
            return {
                "roc_auc": wins / (total * negatives),
                "pr_auc": (own * precision).sum(axis=0) / total,
                "precision_at": np.take_along_axis(precision, reached, axis=0),
                "false_positive_rate_at": np.take_along_axis(false_alarms, reached, axis=0) / negatives,
            }


def ranking_metrics(scored: Scored) -> Statistic:
    """The metrics of the order of the images.

    Returns
    -------
    Statistic
        Gives what `RankedClass` gives, with the axes (S, K, ..., b).
    """
    odds = one_vs_rest_log_odds(scored.scores)
    ranked = [[RankedClass(fit[:, code], scored.labels == code) for code in range(len(scored.classes))] for fit in odds]

    def statistic(weights: np.ndarray) -> dict[str, np.ndarray]:
        values = [[one(weights) for one in fit] for fit in ranked]
        return {name: np.stack([np.stack([one[name] for one in fit]) for fit in values]) for name in values[0][0]}

    return statistic


def one_vs_rest_log_odds(scores: np.ndarray) -> np.ndarray:
    """Log-odds of each class against the rest, shape of `scores`, classes on the last axis.

    They order images exactly as the softmax probabilities do, without the ties that arise where those round to 1.
    Plain scores must not be used: a constant added to all scores of an image changes nothing but their order.
    """
    odds = np.empty_like(scores)
    for code in range(scores.shape[-1]):
        odds[..., code] = scores[..., code] - np.logaddexp.reduce(np.delete(scores, code, axis=-1), axis=-1)
    return odds


def _running_sum(weights: np.ndarray) -> np.ndarray:
    """Shape (n + 1, b): sums of the first 0, 1, ..., n rows."""
    sums = np.zeros((len(weights) + 1, weights.shape[1]), dtype=weights.dtype)
    np.cumsum(weights, axis=0, out=sums[1:])
    return sums


def _first_reaching(sums: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """For each column of rising `sums` (m, b), the first rows that reach `wanted` (R, b).

    The columns are laid end to end, each lifted above the last, so that one binary search serves all.
    """
    rows, columns = sums.shape
    lift = np.arange(columns) * (sums[-1].max() + 1.0)
    reached = np.searchsorted((sums + lift).ravel(order="F"), (wanted + lift - 1e-9).ravel(order="F"))
    places = reached.reshape(wanted.shape, order="F") - np.arange(columns) * rows
    return np.asarray(np.minimum(places, rows - 1))
