"""Metrics of decisions: accuracy, recall, precision and F1, for many weightings of the images at once.

Definitions are scikit-learn's. A class that is never predicted has precision 0 and F1 0 (``zero_division=0``), since
leaving it out of the macro average would reward ignoring it. A draw that lacks a class has no recall for it; its
macro averages are over the classes that it holds.
"""

from __future__ import annotations

import numpy as np

from tasks.evaluate.scored import Scored
from tasks.statistics.bootstrap import Statistic

JUDGED = "judged_"  # before the name of a metric that is a mean over the judged classes only


def decision_metrics(scored: Scored, judged: np.ndarray | None = None) -> Statistic:
    """The metrics that follow from the decision for the largest score.

    Parameters
    ----------
    scored
        Scores of n images.
    judged
        Shape (K,): the classes that the judged metrics are means over; those of `scored` if None.

    Returns
    -------
    Statistic
        Gives `accuracy`, `balanced_accuracy`, `macro_precision`, `macro_f1`, `judged_balanced_accuracy`,
        `judged_macro_f1`, each of shape (S, b), and `recall`, `precision`, `f1`, each of shape (S, K, b).
    """
    counted = scored.judged if judged is None else judged
    names = np.arange(len(scored.classes))[:, None]
    actual = (scored.labels == names).astype(np.float64)
    decided = [(decisions == names).astype(np.float64) for decisions in scored.decisions]

    def statistic(weights: np.ndarray) -> dict[str, np.ndarray]:
        weights = weights.astype(np.float64)  # sums of whole numbers: exact, in whatever order they are added
        support = actual @ weights
        chosen = np.stack([fit @ weights for fit in decided])
        correct = np.stack([(fit * actual) @ weights for fit in decided])
        recall = _ratio(correct, support, missing=np.nan)
        precision = np.where(support > 0, _ratio(correct, chosen, missing=0.0), np.nan)
        f1 = _ratio(2 * correct, support + chosen, missing=np.nan)
        return {
            "accuracy": correct.sum(axis=1) / support.sum(axis=0),
            "balanced_accuracy": np.nanmean(recall, axis=1),
            "macro_precision": np.nanmean(precision, axis=1),
            "macro_f1": np.nanmean(f1, axis=1),
            JUDGED + "balanced_accuracy": np.nanmean(recall[:, counted], axis=1),
            JUDGED + "macro_f1": np.nanmean(f1[:, counted], axis=1),
            "recall": recall,
            "precision": precision,
            "f1": f1,
        }

    return statistic


def confusion_counts(scored: Scored) -> np.ndarray:
    """Shape (K, K): images of the row's class that were taken for the column's, averaged over the fits."""
    size = len(scored.classes)
    pairs = scored.labels * size + scored.decisions
    counts = np.bincount(pairs.ravel(), minlength=size**2) / scored.fits
    return np.asarray(counts.reshape(size, size))


def _ratio(above: np.ndarray, below: np.ndarray, missing: float) -> np.ndarray:
    """`above` / `below`, and `missing` where `below` is 0."""
    shape = np.broadcast_shapes(above.shape, below.shape)
    ratio = np.full(shape, missing)
    np.divide(above, below, out=ratio, where=np.broadcast_to(below > 0, shape))
    return ratio
