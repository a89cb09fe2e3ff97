"""Confident learning: which labels does a classifier that has not seen them contradict with confidence?

Northcutt, Jiang and Chuang, Confident learning: estimating uncertainty in dataset labels, JAIR 70 (2021). Written from
the paper: an image counts for the class of which it is at least as probable as the images of that class are on average.
Thresholds of their own keep frequent classes, of which a classifier is always surer, from swallowing rare ones.
"""

from __future__ import annotations

import numpy as np


def confident_classes(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The class that each image confidently belongs to, -1 where there is none; shape (n,).

    Parameters
    ----------
    probabilities
        Out-of-fold probability of each class, shape (n, K).
    labels
        The given labels, shape (n,), integers from 0.
    """
    classes = probabilities.shape[1]
    counts = np.bincount(labels, minlength=classes)
    own = probabilities[np.arange(len(labels)), labels]
    thresholds = np.where(counts > 0, np.bincount(labels, own, minlength=classes) / np.maximum(counts, 1), np.inf)
    sure = probabilities >= thresholds - 1e-12
    return np.where(sure.any(axis=1), np.where(sure, probabilities, -1).argmax(axis=1), -1)


def confident_joint(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Estimated number of images by given label (rows) and true label (columns), shape (K, K).

    The counts of `confident_classes`, scaled so that each row sums to the images that have the label.
    """
    classes = probabilities.shape[1]
    found = confident_classes(probabilities, labels)
    sure = found >= 0
    joint = np.bincount(labels[sure] * classes + found[sure], minlength=classes**2).reshape(classes, classes)
    joint = joint + np.diag((joint.sum(axis=1) == 0).astype(int))  # a class without confident images is as labelled
    counts = np.bincount(labels, minlength=classes)
    scaled: np.ndarray = joint * (counts / joint.sum(axis=1))[:, None]
    return scaled


def suspects(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The images whose given label is contradicted, the surest contradiction first.

    Returns
    -------
    rows
        Which images, shape (m,).
    likely
        The class that each confidently belongs to, shape (m,).
    margins
        How much more probable that is than the given label, in (0, 1], shape (m,).
    """
    found = confident_classes(probabilities, labels)
    rows = np.flatnonzero((found >= 0) & (found != labels))
    margins = probabilities[rows, found[rows]] - probabilities[rows, labels[rows]]
    kept = margins > 0
    rows, margins = rows[kept], margins[kept]
    order = np.argsort(-margins, kind="stable")
    return rows[order], found[rows[order]], margins[order]


def probabilities_of(scores: np.ndarray, labels: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Probabilities from out-of-fold log-likelihoods, at a temperature found on the other folds.

    Parameters
    ----------
    scores
        Shape (n, K), up to a number an image.
    labels, folds
        Shape (n,), integers from 0.

    Returns
    -------
    numpy.ndarray
        Shape (n, K); classes count by their share of the images outside of the fold. The temperature (Guo et al. 2017)
        is needed because discriminant analysis in many dimensions is much too sure.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    probabilities = np.empty_like(scores)
    for fold in np.unique(folds):
        inside = folds != fold
        counts = np.bincount(labels[inside], minlength=scores.shape[1])
        with np.errstate(divide="ignore"):
            prior = np.log(counts / max(1, counts.sum()))
        seen, truth = scores[inside], labels[inside]

        def loss(
            log_scale: float, seen: np.ndarray = seen, truth: np.ndarray = truth, prior: np.ndarray = prior
        ) -> float:
            logs = log_softmax(np.exp(log_scale) * seen + prior, axis=1)[np.arange(len(truth)), truth]
            return -float(np.maximum(logs, -700).mean())

        scale = np.exp(minimize_scalar(loss, bounds=(-8, 2), method="bounded").x) if inside.any() else 1.0
        probabilities[~inside] = np.exp(log_softmax(scale * scores[~inside] + prior, axis=1))
    return probabilities
