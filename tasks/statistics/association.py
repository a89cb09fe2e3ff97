"""How well one property alone predicts the label.

The property is cut into bins; everything after that works on tables of counts, so that hundreds of shufflings of the
labels take seconds for ten thousand images and a hundred classes.
"""

from __future__ import annotations

import numpy as np


def cross_validated_hits(table: np.ndarray) -> np.ndarray:
    """How many images of each class one property finds, each from the images outside of its fold.

    The answer for a bin is the class most of whose images lie in it, by share and with a count of one added to every
    bin: naive Bayes with equal classes.

    Parameters
    ----------
    table
        Images by fold, bin and class, shape (folds, bins, K).

    Returns
    -------
    numpy.ndarray
        Shape (K,).
    """
    outside = table.sum(axis=0) - table
    shares = (outside + 1) / (outside.sum(axis=1, keepdims=True) + table.shape[1])
    answers = shares.argmax(axis=2)
    hits = np.take_along_axis(table, answers[..., None], axis=2)[..., 0]
    return np.bincount(answers.ravel(), hits.ravel(), minlength=table.shape[2])


def balanced_accuracy(table: np.ndarray) -> float:
    """The cross-validated balanced accuracy of one property; `table` as for `cross_validated_hits`."""
    counts = table.sum(axis=(0, 1))
    return float((cross_validated_hits(table) / np.maximum(counts, 1))[counts > 0].mean())


def cramers_v(table: np.ndarray) -> float:
    """Cramer's V of bins and classes, corrected for the bias of small samples (Bergsma 2013); from 0 to 1.

    `table` as for `cross_validated_hits`; its folds are added up.
    """
    counts = table.sum(axis=0)
    counts = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    n, (rows, columns) = counts.sum(), counts.shape
    if min(rows, columns) < 2 or n < 2:
        return 0.0
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / n
    phi = ((counts - expected) ** 2 / expected).sum() / n
    excess = max(0.0, phi - (rows - 1) * (columns - 1) / (n - 1))
    least = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1
    return float(min(1.0, np.sqrt(excess / least))) if least > 0 else 0.0


def fold_table(codes: np.ndarray, bins: int, labels: np.ndarray, classes: int, folds: np.ndarray) -> np.ndarray:
    """Images by fold, bin and class, shape (folds, bins, K)."""
    number = int(folds.max(initial=0)) + 1
    flat = np.bincount((folds * bins + codes) * classes + labels, minlength=number * bins * classes)
    return flat.reshape(number, bins, classes)
