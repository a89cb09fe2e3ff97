"""Metrics of decisions: accuracy, recall, precision, F1 and their kin, for many weightings of the images at once.

Definitions are scikit-learn's (the geometric mean is imbalanced-learn's). A class that is never predicted has precision
0 and F1 0 (``zero_division=0``), since leaving it out of the macro average would reward ignoring it. A draw that lacks
a class has no recall for it; its macro averages are over the classes that it holds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.evaluate.scored import Scored
from tasks.goals import COST_AVOIDED, JUDGED, Goal
from tasks.statistics.bootstrap import Statistic

EXPECTED_COST = "expected_cost"
# Classes by their number of training images (from, up to), as long-tailed recognition counts them: Liu et al.,
# Large-scale long-tailed recognition in an open world, CVPR 2019.
SHOTS = {"many": (101, None), "medium": (20, 100), "few": (0, 19)}


@dataclass(frozen=True, eq=False)
class Costs:
    """What errors cost.

    Attributes
    ----------
    matrix
        Shape (K, K): what it costs to take an image of the row's class for the column's.
    mix
        Shape (K,): the class shares that it is summed up for; None: those of the images.
    """

    matrix: np.ndarray
    mix: np.ndarray | None = None


def costs_of(goal: Goal, classes: list[str], mix: np.ndarray | None) -> Costs | None:
    """What errors cost under a goal; None where all cost alike."""
    matrix = goal.costs(classes)
    return None if matrix is None else Costs(matrix, mix)


def decision_metrics(
    scored: Scored,
    judged: np.ndarray | None = None,
    costs: Costs | None = None,
    training_images: np.ndarray | None = None,
) -> Statistic:
    """The metrics that follow from decisions.

    Parameters
    ----------
    scored
        Scores of n images.
    judged
        Shape (K,): the classes that the judged metrics are means over; those of `scored` if None.
    costs
        Adds `expected_cost` (mean an image) and `cost_avoided` (1 less the ratio to what the one decision costs that is
        cheapest if it is always taken).
    training_images
        Shape (K,): adds `recall_many`, `recall_medium` and `recall_few`, where there are such classes (`SHOTS`).

    Returns
    -------
    Statistic
        Gives `accuracy`, `majority_share`, `balanced_accuracy`, `macro_precision`, `macro_f1`, `geometric_mean`,
        `matthews_correlation`, `cohens_kappa`, `judged_balanced_accuracy`, `judged_macro_f1`, each of
        shape (S, b), and `recall`, `precision`, `f1`, each of shape (S, K, b).
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
        found = {
            "accuracy": correct.sum(axis=1) / support.sum(axis=0),
            "majority_share": np.broadcast_to(support.max(axis=0) / support.sum(axis=0), correct[:, 0].shape),
            "balanced_accuracy": np.nanmean(recall, axis=1),
            "macro_precision": np.nanmean(precision, axis=1),
            "macro_f1": np.nanmean(f1, axis=1),
            "geometric_mean": _geometric_mean(recall),
            **_chance_corrected(correct, chosen, support),
            JUDGED + "balanced_accuracy": np.nanmean(recall[:, counted], axis=1),
            JUDGED + "macro_f1": np.nanmean(f1[:, counted], axis=1),
            "recall": recall,
            "precision": precision,
            "f1": f1,
        }
        if training_images is not None:
            for name, codes in shots(training_images).items():
                found[f"recall_{name}"] = np.nanmean(recall[:, codes], axis=1)
        return found if costs is None else found | _cost(scored, costs, actual, weights, support)

    return statistic


def shots(training_images: np.ndarray) -> dict[str, np.ndarray]:
    """Codes of the classes with many, medium and few training images; without those of which there are none."""
    codes = {
        name: np.flatnonzero((training_images >= low) & (high is None or training_images <= high))
        for name, (low, high) in SHOTS.items()
    }
    return {name: of_name for name, of_name in codes.items() if len(of_name)}


def confusion_counts(scored: Scored) -> np.ndarray:
    """Shape (K, K): images of the row's class that were taken for the column's, averaged over the fits."""
    size = len(scored.classes)
    pairs = scored.labels * size + scored.decisions
    counts = np.bincount(pairs.ravel(), minlength=size**2) / scored.fits
    return np.asarray(counts.reshape(size, size))


def _geometric_mean(recall: np.ndarray) -> np.ndarray:
    """Over the classes that a draw holds; 0 where one of them is never found."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.exp(np.nanmean(np.log(recall), axis=1)))


def _chance_corrected(correct: np.ndarray, chosen: np.ndarray, support: np.ndarray) -> dict[str, np.ndarray]:
    """Matthews' correlation (of several classes: Gorodkin 2004) and Cohen's kappa; 0 where all is one class."""
    total = support.sum(axis=0)
    right, by_chance = correct.sum(axis=1) * total, (chosen * support).sum(axis=1)
    spread = (total**2 - (chosen**2).sum(axis=1)) * (total**2 - (support**2).sum(axis=0))
    return {
        "matthews_correlation": _ratio(right - by_chance, np.sqrt(spread), missing=0.0),
        "cohens_kappa": _ratio(right - by_chance, total**2 - by_chance, missing=0.0),
    }


def _cost(
    scored: Scored, costs: Costs, actual: np.ndarray, weights: np.ndarray, support: np.ndarray
) -> dict[str, np.ndarray]:
    paid = costs.matrix[scored.labels, scored.decisions]  # (S, n)
    of_class = np.stack([(actual * fit) @ weights for fit in paid])  # (S, K, b)
    if costs.mix is None:
        shares, mean = support / support.sum(axis=0), of_class.sum(axis=1) / support.sum(axis=0)
    else:  # a draw without a class says nothing of its costs: it is about the others
        shares = costs.mix[:, None] * (support > 0)
        shares = shares / shares.sum(axis=0)
        mean = (shares * _ratio(of_class, support, missing=0.0)).sum(axis=1)
    cheapest = (costs.matrix.T @ shares).min(axis=0)
    return {EXPECTED_COST: mean, COST_AVOIDED: 1 - _ratio(mean, cheapest, missing=1.0)}


def _ratio(above: np.ndarray, below: np.ndarray, missing: float) -> np.ndarray:
    """`above` / `below`, and `missing` where `below` is 0."""
    shape = np.broadcast_shapes(above.shape, below.shape)
    ratio = np.full(shape, missing)
    np.divide(above, below, out=ratio, where=np.broadcast_to(below > 0, shape))
    return ratio
