"""How well a score tells new images from originals: the area under the ROC curve, with an interval.

Relatives (an original and all its descendants among them) are drawn together. Pairs are taken within a fold of the
cross-validation only, because the scores of different folds come from different classifiers (Forman and Scholz, Apples
to apples in cross-validation studies, SIGKDD Explorations 12, 2010).
"""

from __future__ import annotations

import numpy as np

from tasks.audit.effect import drawn_groups
from tasks.evaluate.intervals import Interval, effective_trials, kish, wilson

RESAMPLES = 500


def auc(scores: np.ndarray, is_new: np.ndarray, groups: np.ndarray, folds: np.ndarray, confidence: float) -> Interval:
    """The chance that a new image scores higher than an original of its fold, ties counting half.

    The interval is Wilson's, with the number of independent images that the resamples show: so it does not shrink to a
    point where all are told apart.

    Parameters
    ----------
    scores
        Larger for what looks new, shape (n,).
    is_new, groups, folds
        Shape (n,); groups and folds are integers from 0.
    confidence
        Level of the interval.
    """
    drawn = drawn_groups(int(groups.max()) + 1, RESAMPLES)
    weights = np.vstack([np.ones(len(scores)), drawn[:, groups]])
    right, pairs = np.zeros(len(weights)), np.zeros(len(weights))
    for fold in np.unique(folds):
        inside = folds == fold
        new, old = inside & is_new, inside & ~is_new
        higher = np.sign(scores[new][:, None] - scores[old][None, :]) / 2 + 0.5
        right += ((weights[:, new] @ higher) * weights[:, old]).sum(axis=1)
        pairs += weights[:, new].sum(axis=1) * weights[:, old].sum(axis=1)
    areas = np.divide(right, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)
    value, draws = areas[:1], areas[None, 1:]
    least = np.array([kish(np.bincount(groups))])
    low, high = wilson(value, effective_trials(value, draws, least, np.array([float(len(scores))])), confidence)
    return Interval(float(value[0]), float(low[0]), float(high[0]))
